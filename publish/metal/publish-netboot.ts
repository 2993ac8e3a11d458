/**
 * A build as files for starting over a network: firmware fetches the installer by TFTP or HTTP, and the installer fetches the
 * image by HTTP. Nobody has to trust the network: the installer is signed, and has the image's hash.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { FinishedBuild } from "../../image/finished-build.ts";
import { artefact } from "../../image/manifest.ts";
import { openToolsRoot } from "../../image/packages/tools-root.ts";
import { workDirectory } from "../../lib/files/work-directory.ts";
import { type InstallerPublishOptions, packInstaller } from "./installer.ts";
import { sumsOf } from "./publish-raw.ts";

/**
 * Writes `<name>-installer.efi`, `<name>.img.zst`, a script for iPXE and a list of hashes.
 *
 * @param url of the directory that serves the image: "http://provision.example.com/orlop/"
 */
export async function publishNetboot(
  build: FinishedBuild,
  url: string,
  options: InstallerPublishOptions,
): Promise<string[]> {
  const { name } = build;
  const { signal } = options;
  const output = resolve(options.output ?? dirname(build.manifestPath));
  await mkdir(output, { recursive: true });
  await using work = await workDirectory(join(output, ".work"));
  const address = (file: string): string => new URL(file, url.endsWith("/") ? url : `${url}/`).href;
  const packed = await packInstaller(build, options, {
    tools: await openToolsRoot({ signal }),
    work: work.path,
    source: { kind: "network", url: address(`${name}.img.zst`) },
  });
  const installer = join(work.path, `${name}-installer.efi`);
  await rename(packed.efi, installer);
  const script = join(work.path, `${name}.ipxe`);
  await writeFile(script, `#!ipxe\nchain ${address(basename(installer))}\n`);
  const files = [installer, packed.image, script];
  const sums = join(work.path, `${name}-netboot.sha256`);
  await writeFile(sums, sumsOf(await Promise.all(files.map(async (path) => await artefact(path)))));
  const made: string[] = [];
  for (const path of [...files, sums]) {
    const place = join(output, basename(path));
    await rename(path, place);
    made.push(place);
  }
  return made;
}
