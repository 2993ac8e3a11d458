/**
 * The EFI program that installs an image: the image's own kernel and initrd, with the installer and its order in an archive
 * behind them, signed by the key that signs images. What the firmware of a host starts, it starts too, and nothing else.
 */
import { createWriteStream } from "node:fs";
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type InstallOrder, orderPath } from "../../installer/order.ts";
import { efiSections, sectionIn } from "../../lib/efi/efi-sections.ts";
import { unpackedFrames } from "../../lib/zstd/zstd-frames.ts";
import { installerCommandLine } from "../boot/command-line.ts";
import { signEfi } from "../boot/sign.ts";
import type { SigningKey } from "../boot/signing-key.ts";
import { withoutFirmwareWords } from "../boot/stub.ts";
import { efiNames, makeUnifiedImage } from "../boot/unified-image.ts";
import type { Platform } from "../../variants/variant.ts";
import { artefactOf, type FinishedBuild } from "../finished-build.ts";
import { moduleOrder, modulesOf, programFiles } from "../initrd/files.ts";
import { packInitrd } from "../initrd/pack.ts";
import { epochSecondsOf, packagesOf, readLock } from "../packages/lock.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { unpackPackages } from "../packages/unpack-packages.ts";
import { kernelVersion } from "../root/kernel-modules.ts";
import { osDirectory } from "../root/os-content.ts";
import { unpackLoaders } from "../steps/boot.ts";
import { installerModules, installerPrograms } from "./contents.ts";

/** Whatever is in it is read once, so that a little less to load is worth some time here. */
const level = 12;

export type InstallerOptions = {
  /** What its machines are: their disks, and their consoles. */
  platform: Platform;
  tools: ToolsRoot;
  /** With what the key needs, where it is in a token. */
  signingTools: ToolsRoot;
  key: SigningKey;
  /** The installer's executable, compiled for the architecture of the build. */
  program: string;
  order: InstallOrder;
  /** An empty directory. */
  work: string;
  signal: AbortSignal;
};

/** Makes `work/installer.efi` and returns its path. */
export async function makeInstaller(build: FinishedBuild, options: InstallerOptions): Promise<string> {
  const { platform, tools, signingTools, key, work, signal } = options;
  const { architecture } = build.manifest;
  const lock = await readLock(architecture);
  const epochSeconds = epochSecondsOf(lock);
  const sections = efiSections(await readFile(await artefactOf(build, build.manifest.unifiedImage)), build.name);
  const part = (name: string): Buffer => sectionIn(sections, name, build.name);
  const place = (name: string): string => join(work, name);
  await writeFile(place("vmlinuz"), part(".linux"));
  await writeFile(place("host.cpio"), part(".initrd"));
  const packages = place("packages");
  await mkdir(packages);
  const unpacking = { label: "unpacking programs of the installer", exclude: ["usr/share", "etc", "var"] };
  await unpackPackages(packagesOf(lock, ["initrd"]), packages, unpacking, { signal });
  const version = await furnish(place("tree"), packages, await unpackRoot(tools, build, options), options);
  await packInitrd(tools, place("tree"), place("installer.cpio"), epochSeconds);
  await joinArchives(tools, [place("host.cpio"), place("installer.cpio")], place("initrd"), signal);

  await unpackLoaders(place("boot"), packagesOf(lock, ["boot"]), { signal });
  const stub = place("stub");
  const packagedStub = join(place("boot"), `usr/lib/systemd/boot/efi/linux${efiNames[architecture]}.efi.stub`);
  await writeFile(stub, withoutFirmwareWords(await readFile(packagedStub), architecture));
  await makeUnifiedImage(tools, place("unsigned.efi"), {
    architecture,
    stub,
    kernel: place("vmlinuz"),
    kernelVersion: version,
    initrds: [place("initrd")],
    commandLine: installerCommandLine(platform, architecture),
    osRelease: part(".osrel").toString(),
    epochSeconds,
    // Whatever a TPM keeps for hosts is none of an installer's business.
    pcrKey: undefined,
  });
  const output = place("installer.efi");
  await signEfi(signingTools, key, { input: place("unsigned.efi"), output, epochSeconds });
  return output;
}

/** The root of the image, for its kernel's modules. */
async function unpackRoot(
  tools: ToolsRoot,
  build: FinishedBuild,
  { work, signal }: Pick<InstallerOptions, "work" | "signal">,
): Promise<string> {
  const [erofs, root] = [join(work, "root.erofs"), join(work, "root")];
  const packed = Bun.file(await artefactOf(build, build.manifest.root)).stream();
  await pipeline(Readable.from(unpackedFrames(packed)), createWriteStream(erofs), { signal });
  await runTool(tools, ["fsck.erofs", `--extract=${root}`, "--no-preserve", erofs], { binds: [work], signal });
  return root;
}

/**
 * Lays out the archive: the installer, what it calls, and the drivers that a host's initrd lacks.
 *
 * @returns the kernel's version
 */
async function furnish(
  tree: string,
  packages: string,
  root: string,
  { platform, program, order }: Pick<InstallerOptions, "platform" | "program" | "order">,
): Promise<string> {
  for (const name of ["etc", "run", "tmp"]) await mkdir(join(tree, name), { recursive: true });
  const installer = { path: "bin/installer", source: program };
  for (const { path, source } of await programFiles(packages, installerPrograms, [installer])) {
    await place(source, join(tree, path), 0o755);
  }
  await place(join(osDirectory, "initrd/installer-init"), join(tree, "init"), 0o755);
  await writeFile(join(tree, orderPath), `${JSON.stringify(order)}\n`);
  const version = await kernelVersion(root);
  const modules = join(root, "usr/lib/modules", version);
  const [dependencies, builtIn] = await Promise.all(
    ["modules.dep", "modules.builtin"].map(async (name) => await readFile(join(modules, name), "utf8")),
  );
  const { watchdogs, rest } = moduleOrder(platform, dependencies ?? "", builtIn ?? "");
  const present = new Set([...watchdogs, ...rest]);
  const further = modulesOf(installerModules, dependencies ?? "", builtIn ?? "").filter((path) => !present.has(path));
  for (const [index, path] of further.entries()) {
    // Behind those of the host's initrd, whose names begin with digits.
    const name = `installer-${String(index).padStart(3, "0")}-${basename(path)}`;
    await place(join(modules, path), join(tree, "modules", name), 0o644);
  }
  return version;
}

async function place(source: string, target: string, mode: number): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, mode);
}

/** One archive after the other, compressed: the kernel unpacks both, and a file of the second replaces one of the first. */
async function joinArchives(
  tools: ToolsRoot,
  archives: readonly string[],
  output: string,
  signal: AbortSignal,
): Promise<void> {
  const joined = `${output}.cpio`;
  const parts = await Promise.all(archives.map(async (path) => padded(await readFile(path))));
  await writeFile(joined, Buffer.concat(parts));
  const argv = ["zstd", "-q", `-${level}`, "-T0", joined, "-o", output] as const;
  await runTool(tools, argv, { binds: [dirname(output)], signal });
}

/** An archive begins at a multiple of four bytes. Source: "initramfs buffer format" of the kernel. */
function padded(archive: Buffer): Buffer {
  return Buffer.concat([archive, Buffer.alloc((4 - (archive.length % 4)) % 4)]);
}
