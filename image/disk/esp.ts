/** The files of the EFI system partition of a new disk. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Architecture } from "../../variants/variant.ts";
import { enrolmentFiles } from "../boot/enrolment.ts";
import { firstEntry, firstKernelPath, loaderConfiguration } from "../boot/loader-files.ts";
import { efiNames } from "../boot/unified-image.ts";
import { setTimes } from "../root/tree.ts";

/**
 * Lays the files out in a directory, for mtools to copy.
 *
 * @param boot result of `makeBoot`
 * @returns the directory
 */
export async function espFiles(
  directory: string,
  inputs: { architecture: Architecture; version: string; boot: string; epochSeconds: number },
): Promise<string> {
  const { architecture, version, boot, epochSeconds } = inputs;
  const copies = {
    // Where firmware looks on a disk it has no entry for.
    [`/EFI/BOOT/BOOT${efiNames[architecture].toUpperCase()}.EFI`]: join(boot, "loader.efi"),
    [firstKernelPath]: join(boot, "unified.efi"),
    ...Object.fromEntries(enrolmentFiles.map((name) => [`/loader/keys/auto/${name}`, join(boot, name)])),
  };
  const entry = firstEntry(version);
  const texts = {
    "/loader/loader.conf": loaderConfiguration,
    [entry.path]: entry.text,
  };
  for (const [path, source] of Object.entries(copies)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await copyFile(source, join(directory, path));
  }
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  await setTimes(directory, epochSeconds);
  return directory;
}
