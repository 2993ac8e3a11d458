/**
 * Writes an image to a disk. The disk has no partition table, neither the old nor the new one, until it was read back and
 * has the hash of the image: then its first bytes are written, and only with them can a machine start from it.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dropPageCache } from "../host/machine/linux.ts";
import { Failure } from "../lib/failure.ts";
import { unpackedFrames } from "../lib/zstd/zstd-frames.ts";

/** Of the disk, and of what is held back until the end: protective MBR and partition table lie in it. */
export const headBytes = 1024 * 1024;
const pieceBytes = 4 * 1024 * 1024;

export type InstallTarget = {
  /** A disk, or a file in tests. */
  path: string;
  bytes: number;
  /** Makes a part of it zeros, which disks do faster than by writing. */
  zero: (offset: number, bytes: number) => Promise<void>;
};

/**
 * Writes everything but the head, and reads it back.
 *
 * @param packed the image's frames
 * @param wrote is called with how far it came
 * @returns the head, for `writeHead`
 * @throws {Failure<"busy-disk" | "bad-archive" | "wrong-image">} the disk then starts nothing
 */
export async function writeImage(
  target: InstallTarget,
  packed: AsyncIterable<Uint8Array>,
  image: { bytes: number; sha256: string },
  wrote: (bytes: number) => void,
): Promise<Buffer> {
  await target.zero(0, image.bytes);
  // Where the second copy of the old table lies, from which firmware would restore it.
  const end = Math.max(image.bytes, target.bytes - headBytes);
  if (end < target.bytes) await target.zero(end, target.bytes - end);
  await using file = await openAlone(target.path);
  const head = Buffer.alloc(headBytes);
  let at = 0;
  for await (const frame of unpackedFrames(packed)) {
    if (at + frame.length > image.bytes) throw wrongImage(`it is longer than ${image.bytes} bytes`);
    if (at < headBytes) frame.copy(head, at, 0, headBytes - at);
    const from = Math.min(frame.length, Math.max(0, headBytes - at));
    await writeUnlessZero(file, frame.subarray(from), at + from);
    at += frame.length;
    wrote(at);
  }
  if (at !== image.bytes) throw wrongImage(`it ends after ${at} of ${image.bytes} bytes`);
  await file.sync();
  dropPageCache(file.fd);
  const sha256 = await hashOf(file, head, image.bytes);
  if (sha256 !== image.sha256) throw wrongImage(`what was written has the SHA-256 ${sha256}, expected ${image.sha256}`);
  return head;
}

/** The last of an installation: from now on machines start from the disk. */
export async function writeHead(path: string, head: Buffer): Promise<void> {
  await using file = await openAlone(path);
  await writeAll(file, head, 0);
  await file.sync();
}

/** As nobody else may have it: of a disk that is mounted, or part of another device, the kernel refuses this. */
async function openAlone(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDWR | constants.O_EXCL);
  } catch (cause) {
    throw new Failure("busy-disk", `cannot write to ${path}: somebody else uses it, or it can only be read`, { cause });
  }
}

async function writeUnlessZero(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  if (bytes.length === 0 || bytes.equals(zeros.subarray(0, bytes.length))) return;
  await writeAll(file, bytes, offset);
}

async function writeAll(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
  }
}

async function hashOf(file: FileHandle, head: Buffer, bytes: number): Promise<string> {
  const hash = createHash("sha256").update(head);
  const piece = Buffer.alloc(pieceBytes);
  for (let at = headBytes; at < bytes;) {
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, bytes - at), at);
    if (bytesRead === 0) throw wrongImage(`the disk ends at ${at} bytes`);
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest("hex");
}

/** The largest frame that is unpacked at all is twice a piece. */
const zeros = Buffer.alloc(2 * pieceBytes);

function wrongImage(reason: string): Failure<"wrong-image"> {
  return new Failure("wrong-image", `cannot install the image: ${reason}`);
}
