/**
 * Puts the extensions of this boot into /usr, below the image: where both have a file, the image's is seen.
 *
 * Each is verified, opened by dm-verity under the root hash that was verified, mounted, and asked whether it was made for this
 * host. An overlay without an upper layer then joins /usr of the image with theirs; nothing in it can be written.
 */
import { mkdir } from "node:fs/promises";
import { explain, Failure } from "../../lib/failure.ts";
import { isPresent, namesIn, readTextIfPresent } from "../../lib/files/files.ts";
import { extensionReleasePath, releaseMismatch } from "../../repo/extension.ts";
import { parseOsRelease, readFacts, type Facts } from "../machine/facts.ts";
import { hostPath, type System } from "../machine/system.ts";
import { blockBytes } from "../update/write/verity-tree.ts";
import { mountPoint, storedPath } from "./places.ts";
import { readChosen, writeMerged, type Merged } from "./records.ts";
import { imageCertificate, verifiedImage, type VerifiedImage } from "./verified-image.ts";

const device = (name: string): string => `extension-${name}`;

/** @returns what became of each that settings choose */
export async function mergeExtensions(system: System, signal: AbortSignal): Promise<Merged> {
  const facts = await readFacts(system);
  const merged: { name: string; reason?: string }[] = [];
  for (const name of await readChosen(system)) {
    const reason = await mounted(system, facts, name, signal);
    merged.push({ name, ...(reason === undefined ? {} : { reason }) });
  }
  const names = merged.filter(({ reason }) => reason === undefined).map(({ name }) => name);
  if (names.length > 0) {
    try {
      await join(system, names);
    } catch (error) {
      const reason = explain(error);
      for (const each of merged) each.reason ??= reason;
    }
  }
  await writeMerged(system, merged);
  if (await bringUnits(system, names)) await system.run(["systemctl", "daemon-reload"]);
  return merged;
}

/** @returns why it is not; undefined when its file system is mounted. */
async function mounted(system: System, facts: Facts, name: string, signal: AbortSignal): Promise<string | undefined> {
  const path = hostPath(system, storedPath(facts.versionId, name));
  if (!(await isPresent(path))) return `it is not here for ${facts.versionId}`;
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const image = await verifiedImage(path, await imageCertificate(system), signal);
    const loop = ["losetup", "--read-only", "--find", "--show", `--offset=${image.dataOffset}`, path] as const;
    const disk = (await system.run(loop)).trim();
    undo.unshift(async () => await system.run(["losetup", "--detach", disk]));
    await system.run([
      "dmsetup", "create", device(name), "--readonly", "--noudevsync", "--noudevrules", "--verifyudev", "--table", verityTable(image, disk),
    ]); // prettier-ignore
    undo.unshift(async () => await system.run(["dmsetup", "remove", "--noudevsync", "--verifyudev", device(name)]));
    const place = hostPath(system, mountPoint(name));
    await mkdir(place, { recursive: true });
    await system.run(["mount", "-t", "erofs", "-o", "ro,nodev", `/dev/mapper/${device(name)}`, place]);
    undo.unshift(async () => await system.run(["umount", place]));
    await refuseForeign(place, facts, name);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    for (const step of undo) {
      await step().catch((again: unknown) => {
        system.log.error(`extensions: cannot close ${name}`, again);
      });
    }
    return explain(error);
  }
}

/** Both devices are one, in which the hash tree comes behind the file system. Source: dm-verity, as image/verity.ts. */
export function verityTable(
  { rootHash, salt, dataBlocks, dataOffset, hashOffset }: VerifiedImage,
  disk: string,
): string {
  const sectors = (dataBlocks * blockBytes) / 512;
  const hashStart = (hashOffset - dataOffset) / blockBytes + 1;
  const words = [disk, disk, blockBytes, blockBytes, dataBlocks, hashStart, "sha256", rootHash, salt];
  return `0 ${sectors} verity 1 ${words.join(" ")}`;
}

/** @throws {Failure<"other-host">} for what was made for another host, or is called otherwise */
export async function refuseForeign(
  place: string,
  { variant, arch, versionId: version }: Pick<Facts, "arch" | "versionId"> & { variant: { name: string } },
  name: string,
): Promise<void> {
  const refuse = (reason: string): Failure => new Failure("other-host", `cannot use the extension ${name}: ${reason}`);
  const outside = (await namesIn(place)).filter((each) => each !== "usr");
  if (outside.length > 0) throw refuse(`it holds /${outside.join(", /")}, which is outside /usr`);
  const text = await readTextIfPresent(`${place}/${extensionReleasePath(name)}`);
  if (text === undefined) throw refuse(`it has no /${extensionReleasePath(name)}`);
  const mismatch = releaseMismatch(parseOsRelease(text), { variant: variant.name, arch, version });
  if (mismatch !== undefined) throw refuse(mismatch);
}

async function join(system: System, names: readonly string[]): Promise<void> {
  const layers = ["/usr", ...names.map((name) => `${mountPoint(name)}/usr`)];
  await system.run([
    "mount", "-t", "overlay", "-o", `ro,nodev,redirect_dir=off,metacopy=off,lowerdir=${layers.join(":")}`, "extensions", "/usr",
  ]); // prettier-ignore
}

async function bringUnits(system: System, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const units = await namesIn(hostPath(system, `${mountPoint(name)}/usr/lib/systemd/system`));
    if (units.length > 0) return true;
  }
  return false;
}
