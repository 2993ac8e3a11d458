/** What a version is offered as beside its whole files: patches from versions before it, and its kernel compressed. */
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { assert, Failure, isNotFound } from "../../lib/failure.ts";
import { patchedFrames } from "../../lib/zstd/patch-frames.ts";
import { frameBytes as usualFrameBytes, packed } from "../../lib/zstd/seekable-zstd.ts";
import { unpackedFrames } from "../../lib/zstd/zstd-frames.ts";
import { parts, type Patch, type Update, type UpdatePart } from "../manifest.ts";
import { patchOf } from "./make-patch.ts";
import { SourceIndex } from "./source-index.ts";

/** The targets of a tree: what is stored of them, and what is added. */
export type TargetStore = {
  /** Undefined for a name that is no target. */
  stored(name: string): { path: string; bytes: number; sha256: string } | undefined;
  add(name: string, bytes: Uint8Array): Promise<void>;
};

/** How many versions before a new one patches are made from, unless somebody says otherwise. */
export const usualSources = 4;

const packedSuffix = ".zst";

export type PatchOptions = {
  /** Versions that hosts may run; those without a root hash are passed over. */
  sources: readonly Update[];
  /** Smaller for roots of a few blocks, in simulations. */
  frameBytes?: number | undefined;
  /** Called before a patch is made. */
  onPatch?: ((from: string, part: UpdatePart) => void) | undefined;
};

/**
 * Adds them to the store.
 *
 * @throws {Failure<"no-patch-source">} when files of a source are missing or damaged
 */
export async function addSmallerWays(
  store: TargetStore,
  update: Update,
  { sources, frameBytes = usualFrameBytes, onPatch }: PatchOptions,
): Promise<Pick<Update, "packed" | "patches">> {
  const ways: Pick<Update, "packed" | "patches"> = {};
  const wholeBytes = { ...bytesOf(store, update) };
  const { boot } = update.images;
  if (!boot.endsWith(packedSuffix)) {
    const bytes = Buffer.concat(await Array.fromAsync(packed(piecesOf(await unpacked(store, boot)))));
    if (bytes.length < wholeBytes.boot) {
      await store.add(`${boot}${packedSuffix}`, bytes);
      ways.packed = { boot: `${boot}${packedSuffix}` };
      wholeBytes.boot = bytes.length;
    }
  }
  const known = sources.flatMap(({ root_hash: hash, ...source }) => (hash === undefined ? [] : [{ ...source, hash }]));
  const patches: Patch[] = known.map(({ version, hash }) => ({ version, root_hash: hash, images: {} }));
  for (const part of known.length === 0 ? [] : parts) {
    // A compressed kernel has no hash that what is unpacked of it could be held against.
    if (part === "boot" && boot.endsWith(packedSuffix)) continue;
    const content = await unpacked(store, update.images[part]);
    for (const [index, { version, images }] of known.entries()) {
      onPatch?.(version, part);
      const patch = await checkedPatch(await unpacked(store, images[part]), content, frameBytes);
      if (patch.length >= wholeBytes[part]) continue;
      const name = `${update.images[part].replace(/\.zst$/, "")}.from-${version}.patch`;
      await store.add(name, patch);
      const offered = patches[index];
      if (offered !== undefined) offered.images[part] = name;
    }
  }
  const useful = patches.filter(({ images }) => Object.keys(images).length > 0);
  if (useful.length > 0) ways.patches = useful;
  return ways;
}

function bytesOf(store: TargetStore, { images }: Update): Record<UpdatePart, number> {
  const bytes = (part: UpdatePart): number => store.stored(images[part])?.bytes ?? 0;
  return { boot: bytes("boot"), root: bytes("root"), hash: bytes("hash") };
}

/** Applied once, before anybody signs it. */
async function checkedPatch(source: Uint8Array, content: Uint8Array, frameBytes: number): Promise<Buffer> {
  const patch = Buffer.concat(await Array.fromAsync(patchOf(new SourceIndex(source), content, frameBytes)));
  const read = async (offset: number, into: Buffer): Promise<void> => {
    into.set(source.subarray(offset, offset + into.length));
  };
  let at = 0;
  for await (const frame of patchedFrames(piecesOf(patch), { bytes: source.length, read })) {
    assert(frame.equals(content.subarray(at, at + frame.length)), `a patch makes other bytes from ${at} on`);
    at += frame.length;
  }
  assert(at === content.length, `a patch makes ${at} of ${content.length} bytes`);
  return patch;
}

/** A target's name says whether it is compressed. */
async function unpacked(store: TargetStore, name: string): Promise<Uint8Array> {
  const target = store.stored(name);
  if (target === undefined) throw noSource(name, "it is no target");
  const bytes = await readStored(target.path, name);
  if (createHash("sha256").update(bytes).digest("hex") !== target.sha256)
    throw noSource(name, `${target.path} is damaged`);
  if (!name.endsWith(packedSuffix)) return bytes;
  const copies: Buffer[] = [];
  for await (const frame of unpackedFrames(piecesOf(bytes))) copies.push(Buffer.from(frame));
  return Buffer.concat(copies);
}

async function readStored(path: string, name: string): Promise<Uint8Array> {
  try {
    return await buffer(Bun.file(path).stream());
  } catch (error) {
    if (isNotFound(error)) throw noSource(name, `${path} does not exist`);
    throw error;
  }
}

function noSource(name: string, reason: string): Failure<"no-patch-source"> {
  return new Failure("no-patch-source", `cannot make a patch with ${name}: ${reason}`, {
    hint: "--patches-from 0 publishes without patches",
  });
}

/** Copies, since who unpacks gives back the memory of what it has read. */
async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += usualFrameBytes)
    yield new Uint8Array(bytes.subarray(at, at + usualFrameBytes));
}
