/** Disks of a machine: an image is never written to; each machine writes into a layer of its own above it. */
import { copyFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runTool, type ToolsRoot } from "../../image/packages/tools-root.ts";
import type { GuestPlatform } from "../qemu/guest-platform.ts";

/**
 * Makes a disk that reads like the image until it is written to.
 *
 * @param sizeBytes larger than the image to give the guest room; the image's own size when absent
 */
export async function createOverlay(tools: ToolsRoot, image: string, path: string, sizeBytes?: number): Promise<void> {
  const size = sizeBytes === undefined ? [] : [String(sizeBytes)];
  await runTool(tools, ["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", formatOf(image), path, ...size], {
    binds: [dirname(path)],
    readOnlyBinds: [dirname(image)],
  });
}

/** As the names of published disks end. */
function formatOf(image: string): "vmdk" | "raw" {
  return image.endsWith(".vmdk") ? "vmdk" : "raw";
}

/** Makes an empty disk that takes no space until it is written to. */
export async function createEmptyDisk(tools: ToolsRoot, path: string, sizeBytes: number): Promise<void> {
  await runTool(tools, ["qemu-img", "create", "-q", "-f", "qcow2", path, String(sizeBytes)], {
    binds: [dirname(path)],
  });
}

/** Gives a machine firmware variables of its own, as they leave the factory. */
export async function createFirmwareVariables(
  tools: ToolsRoot,
  { firmware }: Pick<GuestPlatform, "firmware">,
  path: string,
): Promise<void> {
  await copyFile(join(tools.directory, firmware.variables), path);
}

/** A machine's layer, and the image below it. */
export type OverlayDisk = { path: string; image: string };

/** Overwrites bytes of a disk that no machine is using, with one value or with those of a file beside the disk. */
export async function overwrite(
  tools: ToolsRoot,
  disk: OverlayDisk,
  offset: number,
  bytes: { length: number } & ({ value: number } | { file: string }),
): Promise<void> {
  const source = "file" in bytes ? `-s ${bytes.file}` : `-P ${bytes.value}`;
  await runTool(tools, ["qemu-io", "-f", "qcow2", "-c", `write ${source} ${offset} ${bytes.length}`, disk.path], {
    binds: [dirname(disk.path)],
    readOnlyBinds: [dirname(disk.image)],
    cwd: dirname(disk.path),
  });
}

/** Gives the disk of a machine that is off more room, which its guest finds behind its partitions. */
export async function enlarge(tools: ToolsRoot, disk: OverlayDisk, byBytes: number): Promise<void> {
  await runTool(tools, ["qemu-img", "resize", "-q", "-f", "qcow2", disk.path, `+${byBytes}`], {
    binds: [dirname(disk.path)],
    readOnlyBinds: [dirname(disk.image)],
  });
}
