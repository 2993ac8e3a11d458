/**
 * Puts the extensions of this boot into /usr, below the image: where both have a file, the image's is seen.
 *
 * Each is verified, opened by dm-verity under the root hash that was verified, mounted, and asked whether it was made for this
 * host. An overlay without an upper layer then joins /usr of the image with theirs; nothing in it can be written.
 */
import { mkdir } from "node:fs/promises";
import { afterFailure, Failure, messageOf } from "../../lib/failure.ts";
import { isPresent, namesIn, readTextIfPresent } from "../../lib/files/files.ts";
import { extensionReleasePath, releaseMismatch } from "../../repo/extension.ts";
import { parseOsRelease, readFacts, type Facts } from "../machine/facts.ts";
import { hostPath, type System } from "../machine/system.ts";
import { blockBytes } from "../update/write/verity-tree.ts";
import { mountPoint, storedPath } from "./places.ts";
import { readBootList, writeMerged, type Merged } from "./records.ts";
import { imageCertificate, verifiedImage, type VerifiedImage } from "./verified-image.ts";

const device = (name: string): string => `extension-${name}`;

/**
 * Whatever happens, what became of each is noted, so that nobody waits for it.
 *
 * @returns what became of each that this boot is to have
 */
export async function mergeExtensions(system: System, signal: AbortSignal): Promise<Merged> {
  const names = await readBootList(system);
  const merged = await mergeAll(system, names, signal).catch(async (error: unknown) => {
    const reason = `this boot has not come to it: ${messageOf(error)}`;
    throw await afterFailure(error, async () => {
      await writeMerged(
        system,
        names.map((name) => ({ name, state: "refused", reason })),
      );
    });
  });
  await writeMerged(system, merged);
  const active = merged.filter(({ state }) => state === "active").map(({ name }) => name);
  if (await bringUnits(system, active)) await system.run(["systemctl", "daemon-reload"]);
  return merged;
}

async function mergeAll(system: System, names: readonly string[], signal: AbortSignal): Promise<Merged> {
  const facts = await readFacts(system);
  const merged: Merged = [];
  for (const name of names) merged.push(await mounted(system, facts, name, signal));
  const layers = merged.filter(({ state }) => state === "active").map(({ name }) => name);
  try {
    if (layers.length > 0) await join(system, layers);
    return merged;
  } catch (error) {
    const reason = messageOf(error);
    system.log.error("extensions: cannot join them with /usr", error);
    return merged.map((each) => (each.state === "active" ? { name: each.name, state: "refused", reason } : each));
  }
}

/** Mounts its file system, beside /usr. */
async function mounted(system: System, facts: Facts, name: string, signal: AbortSignal): Promise<Merged[number]> {
  const path = hostPath(system, storedPath(facts.versionId, name));
  if (!(await isPresent(path))) return { name, state: "absent" };
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
    return { name, state: "active" };
  } catch (error) {
    for (const step of undo) {
      await step().catch((again: unknown) => {
        system.log.error(`extensions: cannot close ${name}`, again);
      });
    }
    signal.throwIfAborted();
    system.log.error(`extensions: cannot use ${name}`, error);
    return { name, state: "refused", reason: messageOf(error) };
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
