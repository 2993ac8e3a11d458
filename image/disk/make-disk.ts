/** The disk image: systemd-repart writes it as a file, without loop devices or mounts. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { derivedUuid } from "../derived-uuid.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { type PartitionLayout, repartDefinition, sizes } from "./layout.ts";

/**
 * @param seed a UUID from which all that are not given are derived, of partitions and file systems alike
 * @param bytes of the disk; "auto" for as many as the partitions take
 */
export async function makeDisk(
  tools: ToolsRoot,
  output: string,
  partitions: readonly PartitionLayout[],
  { seed, epochSeconds, bytes = sizes.disk }: { seed: string; epochSeconds: number; bytes?: number | "auto" },
): Promise<void> {
  const definitions = `${output}.repart.d`;
  await mkdir(definitions);
  for (const [index, partition] of partitions.entries()) {
    await writeFile(join(definitions, `${index + 1}0.conf`), repartDefinition(partition));
  }
  const sources = partitions.flatMap(({ content, files }) => [content, files]).filter((path) => path !== undefined);
  await runTool(
    tools,
    [
      "systemd-repart",
      "--offline=yes",
      "--empty=create",
      "--dry-run=no",
      "--no-pager",
      // Firmware of virtual machines reads no FAT with other sectors than the disk's.
      "--sector-size=512",
      `--size=${bytes}`,
      `--seed=${seed}`,
      `--definitions=${definitions}`,
      output,
    ],
    {
      binds: [dirname(output)],
      readOnlyBinds: sources,
      // mtools and mke2fs take the time of files and file systems from it.
      env: {
        SOURCE_DATE_EPOCH: String(epochSeconds),
        TMPDIR: dirname(output),
        // All else in the file system follows from its UUID and the time; this would be random.
        SYSTEMD_REPART_MKFS_OPTIONS_EXT4: `-E nodiscard,hash_seed=${derivedUuid("directory hashes", seed)}`,
      },
    },
  );
  await rm(definitions, { recursive: true });
}
