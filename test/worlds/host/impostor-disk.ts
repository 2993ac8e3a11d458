/**
 * A disk as whoever may write a volume can make it: its partitions have the names of a host's, and one of them has user data,
 * which a host reads at its first boot.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";

const partitionMiB = 32;

/** @returns the disk, packed by gzip */
export async function impostorDisk(userData: string): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), "impostor-"));
  try {
    const [definitions, files, output] = ["definitions", "files", "disk"].map((name) => join(directory, name));
    if (definitions === undefined || files === undefined || output === undefined) throw new Error("no paths");
    for (const path of [definitions, files]) await mkdir(path);
    await writeFile(join(files, "user-data.toml"), userData);
    for (const name of ["ESP", "PRIVATE", "DATA"]) {
      await writeFile(join(definitions, `${name}.conf`), partition(`ORLOP-${name}`, files));
    }
    const options = ["--offline=yes", "--empty=create", "--dry-run=no", "--no-pager", "--sector-size=512"];
    await runTool(
      await openToolsRoot(),
      ["systemd-repart", ...options, "--size=auto", `--definitions=${definitions}`, output],
      { binds: [directory], env: { TMPDIR: directory } },
    );
    return gzipSync(await readFile(output));
  } finally {
    await rm(directory, { recursive: true });
  }
}

function partition(label: string, files: string): string {
  return `[Partition]
Type=linux-generic
Label=${label}
SizeMinBytes=${partitionMiB}M
SizeMaxBytes=${partitionMiB}M
Format=ext4
CopyFiles=${files}:/
`;
}
