/**
 * Whether an extension is to the last byte what the key of this image has signed.
 *
 * All of it is read: a byte that was changed where nobody looks today is refused too. What changes later, dm-verity finds, by the
 * root hash that comes from here.
 */
import { X509Certificate } from "node:crypto";
import { open, readFile, type FileHandle } from "node:fs/promises";
import { Failure } from "../../lib/failure.ts";
import { entryOf } from "../../lib/partition-table.ts";
import { signatureBytes, signedRootHash } from "../../lib/verity-signature.ts";
import { extensionCertificatePath, extensionPartitions } from "../../repo/extension.ts";
import { hostPath, type System } from "../machine/system.ts";
import { blockBytes, verifyTree, type Readable } from "../update/write/verity-tree.ts";

/** What dm-verity needs of it. */
export type VerifiedImage = {
  rootHash: string;
  salt: string;
  dataBlocks: number;
  /** Where the file system begins. */
  dataOffset: number;
  /** Where the superblock of the hash tree begins. */
  hashOffset: number;
};

const sectorBytes = 512;
/** Two sectors, and the 128 partitions that a table has room for. */
const tableBytes = 34 * sectorBytes;

/** Of the key that signed the image that runs. */
export async function imageCertificate({ root }: Pick<System, "root">): Promise<X509Certificate> {
  return new X509Certificate(await readFile(hostPath({ root }, `/${extensionCertificatePath}`)));
}

/**
 * Reads an extension to its end.
 *
 * @throws {Failure<"no-partition-table" | "bad-signature-partition" | "signed-by-another" | "image-not-verified" | "damaged">}
 */
export async function verifiedImage(
  path: string,
  certificate: X509Certificate,
  signal: AbortSignal,
): Promise<VerifiedImage> {
  await using file = await open(path);
  const head = await bytesAt(file, path, 0, tableBytes);
  const [data, hash, signature] = [
    extensionPartitions.root,
    extensionPartitions.verity,
    extensionPartitions.signature,
  ].map((label) => entryOf(head, label).first * sectorBytes) as [number, number, number];
  const rootHash = signedRootHash(await bytesAt(file, path, signature, signatureBytes), certificate);
  const superblock = await bytesAt(file, path, hash, blockBytes);
  const { salt, dataBlocks, hashUuid } = superblockOf(superblock);
  const promised = { rootHash, salt, dataBlocks, hashUuid, rootUuid: "" };
  if (hash + blockBytes > signature || data + dataBlocks * blockBytes > hash) {
    throw new Failure("damaged", `cannot use ${path}: its partitions are not as large as it says`);
  }
  await verifyTree(partOf(file, path, data), partOf(file, path, hash), promised, () => undefined, signal);
  return { rootHash, salt, dataBlocks, dataOffset: data, hashOffset: hash };
}

/** What the signed root hash then confirms: with another salt or length, the tree leads elsewhere. */
function superblockOf(block: Buffer): { salt: string; dataBlocks: number; hashUuid: string } {
  const saltBytes = Math.min(256, block.readUInt16LE(80));
  return {
    salt: block.toString("hex", 88, 88 + saltBytes),
    dataBlocks: Number(block.readBigUInt64LE(72)),
    hashUuid: block.toString("hex", 16, 32),
  };
}

function partOf(file: FileHandle, path: string, start: number): Readable {
  return {
    path,
    async read(offset, into) {
      await fill(file, path, start + offset, into);
    },
  };
}

async function bytesAt(file: FileHandle, path: string, offset: number, bytes: number): Promise<Buffer> {
  const into = Buffer.alloc(bytes);
  await fill(file, path, offset, into);
  return into;
}

async function fill(file: FileHandle, path: string, offset: number, into: Buffer): Promise<void> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(into, done, into.length - done, offset + done);
    if (bytesRead === 0) throw new Failure("damaged", `cannot use ${path}: it ends at ${offset + done} bytes`);
    done += bytesRead;
  }
}
