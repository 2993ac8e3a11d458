/** Files on a machine's private partition, where a provisioning of physical machines leaves their user data. */
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { runTool, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { overwrite, type OverlayDisk } from "./disk.ts";
import { partitionOf } from "./partition.ts";

/**
 * Copies files that lie beside the disk of a machine that was never switched on.
 *
 * @param files paths, by name in the guest's /var/lib/orlop
 */
export async function putOnPrivatePartition(
  tools: ToolsRoot,
  disk: OverlayDisk,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const directory = dirname(disk.path);
  const { offset, length } = await partitionOf(tools, disk.image, "ORLOP-PRIVATE");
  const copy = join(directory, "private.ext4");
  // As bytes: Bun copies from the beginning of a file that it is given a part of.
  await Bun.write(
    copy,
    await Bun.file(disk.image)
      .slice(offset, offset + length)
      .bytes(),
  );
  for (const [name, file] of files) {
    await runTool(tools, ["debugfs", "-w", "-R", `write ${basename(file)} ${name}`, basename(copy)], {
      binds: [directory],
      cwd: directory,
    });
  }
  await overwrite(tools, disk, offset, { file: basename(copy), length });
  await rm(copy);
}
