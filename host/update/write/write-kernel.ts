/** Writes the kernel of an update to the ESP, and reads it back. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { Failure, isNotFound } from "../../../lib/failure.ts";
import { removeDurably } from "../../../lib/files/files.ts";
import type { Storage } from "../../machine/storage.ts";
import type { Target } from "../fetch/trusted-repository.ts";

/** Two of them and the one in use have to fit on the ESP. */
const largestUnifiedImageBytes = 64 * 1024 * 1024;
const readBackBytes = 1024 * 1024;

/**
 * In place, since nothing boots it. The name is gone for good before a new file gets it, and none is ever moved over
 * another: on FAT, a power loss can leave two names with the same clusters (decision 0032).
 *
 * @param signed what it has to be; undefined where only its compressed form is signed
 * @throws {Failure<"too-large" | "image-not-verified">}
 */
export async function writeKernel(
  storage: Storage,
  path: string,
  signed: Target | undefined,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  await removeDurably(path, storage);
  const algorithm = signed?.digest.algorithm ?? "sha256";
  const written = createHash(algorithm);
  let bytes = 0;
  {
    await using file = await storage.create(path, 0o600);
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > largestUnifiedImageBytes) {
        throw new Failure("too-large", `cannot write ${path}: it is larger than ${largestUnifiedImageBytes} bytes`);
      }
      written.update(chunk);
      await file.write(chunk);
    }
  }
  const digest = written.digest("hex");
  if (signed !== undefined && digest !== signed.digest.hex) {
    throw new Failure("image-not-verified", `cannot use what was written to ${path}: it is not ${signed.name}`);
  }
  if ((await durableDigest(storage, path, algorithm)) !== digest) {
    throw new Failure("image-not-verified", `cannot use what was written to ${path}: it reads back differently`);
  }
}

/** Has an earlier try left this very file? */
export async function isThere(storage: Storage, path: string, { bytes, digest }: Target): Promise<boolean> {
  try {
    if ((await storage.size(path)) !== bytes) return false;
    return (await durableDigest(storage, path, digest.algorithm)) === digest.hex;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Of what is on the medium. */
async function durableDigest(storage: Storage, path: string, algorithm: "sha256" | "sha512"): Promise<string> {
  await storage.sync(path);
  await storage.syncDirectory(dirname(path));
  await storage.forget(path);
  const hash = createHash(algorithm);
  const piece = Buffer.allocUnsafe(readBackBytes);
  let offset = 0;
  for (let bytes = piece.length; bytes === piece.length; offset += bytes) {
    bytes = await storage.readInto(path, offset, piece);
    hash.update(piece.subarray(0, bytes));
  }
  return hash.digest("hex");
}
