/**
 * A build as a hybrid ISO that installs it: a CD-ROM for firmware that starts one, and a stick when it is written to one.
 *
 * Sources: UEFI specification 2.10, 13.3.2.1 (El Torito); ECMA-119; xorrisofs(1), `-efi-boot-part`.
 */
import { mkdir, rename } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { efiNames } from "../../image/boot/unified-image.ts";
import { derivedUuid } from "../../image/derived-uuid.ts";
import type { FinishedBuild } from "../../image/finished-build.ts";
import { epochSecondsOf, readLock } from "../../image/packages/lock.ts";
import { openToolsRoot, runTool, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { workDirectory } from "../../lib/files/work-directory.ts";
import { type InstallerPublishOptions, packInstaller } from "./installer.ts";

/** In the file system of the ISO: firmware reads what starts it up to the end of the volume, and not beyond. */
const espFile = "esp.img";
/** FAT's own tables, and room for its clusters. */
const fatOverheadBytes = 2 * 1024 * 1024;
const kibibyte = 1024;

/** Writes `<name>.iso` and returns its path. */
export async function publishIso(build: FinishedBuild, options: InstallerPublishOptions): Promise<string> {
  const { name, manifest } = build;
  const { signal } = options;
  const output = resolve(options.output ?? dirname(build.manifestPath));
  await mkdir(output, { recursive: true });
  await using work = await workDirectory(join(output, ".work"));
  const tools = await openToolsRoot({ signal });
  const epochSeconds = epochSecondsOf(await readLock(manifest.architecture));
  const identity = derivedUuid("installer", `${name} ${manifest.rootHash}`);
  // At most 32 characters, of capitals, digits and underscores (ECMA-119, 7.4.1), and another one for each image.
  const volume = `ORLOP_${identity.replaceAll("-", "").slice(0, 16).toUpperCase()}`;
  const file = `${name}.img.zst`;
  const packed = await packInstaller(build, options, {
    tools,
    work: work.path,
    source: { kind: "medium", volume, file },
  });
  const times = { SOURCE_DATE_EPOCH: String(epochSeconds) };
  const content = join(work.path, "content");
  await mkdir(content);
  await makeEsp(tools, join(content, espFile), {
    ...packed,
    loader: `BOOT${efiNames[manifest.architecture].toUpperCase()}.EFI`,
    times,
  });
  await rename(packed.image, join(content, file));
  const iso = join(work.path, `${name}.iso`);
  const argv = isoArguments({ volume, identity, content, iso, epochSeconds });
  await runTool(tools, argv, { binds: [work.path], env: times, signal });
  await rename(iso, join(output, `${name}.iso`));
  return join(output, `${name}.iso`);
}

/** A FAT file system with the installer where firmware looks for a loader. */
async function makeEsp(
  tools: ToolsRoot,
  path: string,
  { efi, loader, times }: { efi: string; loader: string; times: Record<string, string> },
): Promise<void> {
  const run = async (...argv: [string, ...string[]]): Promise<void> =>
    void (await runTool(tools, argv, { binds: [dirname(efi), dirname(path)], env: times }));
  const blocks = Math.ceil((Bun.file(efi).size + fatOverheadBytes) / kibibyte);
  await run("mkfs.fat", "--invariant", "-n", "ORLOP", "-C", path, String(blocks));
  await run("mmd", "-i", path, "::/EFI", "::/EFI/BOOT");
  await run("mcopy", "-i", path, efi, `::/EFI/BOOT/${loader}`);
}

function isoArguments({
  volume,
  identity,
  content,
  iso,
  epochSeconds,
}: {
  volume: string;
  identity: string;
  content: string;
  iso: string;
  epochSeconds: number;
}): readonly [string, ...string[]] {
  const stamp = new Date(epochSeconds * 1000).toISOString().replaceAll(/\D/g, "").slice(0, 16);
  return [
    "xorriso",
    "-as",
    "mkisofs",
    "-quiet",
    "-R",
    "-iso-level",
    "3",
    "-V",
    volume,
    "-o",
    iso,
    `--modification-date=${stamp}`,
    "--gpt_disk_guid",
    identity,
    // For firmware that sees a CD-ROM, and, as a partition of the same bytes, for firmware that sees a disk.
    "-e",
    espFile,
    "-no-emul-boot",
    "-efi-boot-part",
    "--efi-boot-image",
    content,
  ];
}
