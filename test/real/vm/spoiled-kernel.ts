/**
 * The unified kernel image of a build with something wrong in it, signed like the real one: what an image would be
 * whose root has that mistake, without building one.
 *
 * The mistake comes with the initrd: a second archive behind the first, in which a changed `/init` puts files over
 * `/etc` before systemd starts. Source: "initramfs buffer format" of the kernel.
 */
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { archive, type ArchiveEntry } from "../../../bench/boot/tiny-init.ts";
import { unpackLoaders } from "../../../image/steps/boot.ts";
import { signEfi } from "../../../image/boot/sign.ts";
import { imageKeyName, openSigningKey, pcrKeyName, type SigningKey } from "../../../image/boot/signing-key.ts";
import { efiNames, makeUnifiedImage } from "../../../image/boot/unified-image.ts";
import type { Built } from "../../../image/artefacts.ts";
import { artefact } from "../../../image/manifest.ts";
import { epochSecondsOf, packagesOf, readLock } from "../../../image/packages/lock.ts";
import { openToolsRoot } from "../../../image/packages/tools-root.ts";
import { osDirectory } from "../../../image/root/os-content.ts";
import { efiSections, sectionIn } from "../../../lib/efi/efi-sections.ts";
import { dev } from "../../../variants/dev.ts";

export type Mistake = {
  /** Files below /etc, by path. */
  etc?: Readonly<Record<string, string>>;
  /** The last line of the initrd's script, instead of the one that starts systemd. */
  start?: string;
};

const architecture = "x86_64";
const started = "switch_root /sysroot /usr/lib/systemd/systemd\n";
const overlay = "over-etc";

/** @param signed by our key, by a key that nobody trusts, or not at all */
export async function spoiledKernel(
  { manifest, manifestPath }: Built,
  output: string,
  { etc = {}, start = started }: Mistake,
  signed: "ours" | "nobody" | "not" = "ours",
): Promise<void> {
  const tools = await openToolsRoot({ sets: ["tools", "policy"] });
  const lock = await readLock(architecture);
  const epochSeconds = epochSecondsOf(lock);
  const image = join(dirname(manifestPath), manifest.unifiedImage.name);
  const sections = efiSections(await readFile(image), image);
  const part = (name: string): Buffer => sectionIn(sections, name, image);
  const text = (name: string): string => part(name).toString().replace(/\0+$/, "");
  const work = await mkdtemp(join(tmpdir(), "spoiled-"));
  try {
    const loaders = join(work, "loaders");
    await unpackLoaders(loaders, packagesOf(lock, ["boot"]));
    const [kernel, initrd, unsigned] = [join(work, "kernel"), join(work, "initrd"), join(work, "unsigned.efi")];
    await writeFile(kernel, part(".linux"));
    const script = await readFile(join(osDirectory, "initrd/init"), "utf8");
    if (!script.endsWith(started)) throw new Error("the initrd's script does not start systemd in its last line");
    const init = script.replace(started, `if { cp -a /${overlay}/. /sysroot/etc }\n${start}`);
    await writeFile(initrd, Buffer.concat([aligned(part(".initrd")), archive(entriesOf(init, etc))]));
    await makeUnifiedImage(tools, unsigned, {
      architecture,
      kernel,
      initrds: [initrd],
      epochSeconds,
      stub: join(loaders, `usr/lib/systemd/boot/efi/linux${efiNames[architecture]}.efi.stub`),
      kernelVersion: text(".uname"),
      commandLine: text(".cmdline"),
      osRelease: text(".osrel"),
      pcrKey: await openSigningKey(tools, pcrKeyName(dev)),
    });
    const key = async (): Promise<SigningKey> =>
      await openSigningKey(tools, imageKeyName(dev), ...(signed === "ours" ? [] : [join(work, "keys")]));
    const done = join(work, "signed.efi");
    if (signed === "not") await rename(unsigned, done);
    else await signEfi(tools, await key(), { input: unsigned, output: done, epochSeconds });
    await writeFile(output, await readFile(done));
  } finally {
    await rm(work, { recursive: true });
  }
}

/** A unit that does not do what it is there for. */
export function brokenUnit(unit: string, ...lines: string[]): Mistake {
  return { etc: { [`systemd/system/${unit}.d/50-spoiled.conf`]: ["[Service]", ...lines, ""].join("\n") } };
}

/**
 * The files of an update of a build, with such a kernel.
 *
 * @returns the path of its manifest
 */
export async function spoiledBuild(built: Built, output: string, mistake: Mistake): Promise<string> {
  const { manifest, manifestPath } = built;
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const { root, hash, sbom } = manifest;
  for (const { name } of [root, hash, sbom]) await copyFile(join(dirname(manifestPath), name), join(output, name));
  const kernel = join(output, manifest.unifiedImage.name);
  await spoiledKernel(built, kernel, mistake);
  const path = join(output, basename(manifestPath));
  await writeFile(path, JSON.stringify({ ...manifest, unifiedImage: await artefact(kernel) }));
  return path;
}

/** The archive's members, every directory before what is in it. */
function entriesOf(init: string, etc: Readonly<Record<string, string>>): ArchiveEntry[] {
  const directories = new Set([overlay]);
  const files: ArchiveEntry[] = [];
  for (const [path, content] of Object.entries(etc)) {
    const name = `${overlay}/${path}`;
    const steps = name.split("/");
    for (let depth = 1; depth < steps.length; depth++) directories.add(steps.slice(0, depth).join("/"));
    files.push({ name, mode: 0o100644, data: Buffer.from(content) });
  }
  return [
    { name: "init", mode: 0o100755, data: Buffer.from(init) },
    ...[...directories].map((name) => ({ name, mode: 0o040755 })),
    ...files,
  ];
}

function aligned(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
