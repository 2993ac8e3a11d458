/**
 * dm-verity: the hash tree of a root, its root hash, and the device-mapper table that the initrd loads.
 *
 * Source: kernel Documentation/admin-guide/device-mapper/verity.rst. The initrd finds the two partitions by the UUIDs in
 * their content, those of the file system and of the hash tree: an update then writes content only, and never the
 * partition table, which no write can change in one step.
 */
import { createHash } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { Failure } from "../lib/failure.ts";
import { derivedUuid, uuidOfHex } from "./derived-uuid.ts";
import { readResult, sha256OfFile } from "./packages/cache.ts";
import { runTool, type ToolsRoot } from "./packages/tools-root.ts";

export const blockBytes = 4096;

const hexDigits = z.string().regex(/^[0-9a-f]{64}$/);
const veritySchema = z.strictObject({
  rootHash: hexDigits,
  salt: hexDigits,
  dataBlocks: z.int().positive(),
  /** Of the file system, and of the superblock of its hash tree. */
  rootUuid: z.uuid(),
  hashUuid: z.uuid(),
});

/** What is needed to open a root: SHA-256 hashes as hexadecimal digits, and its length. */
export type Verity = z.infer<typeof veritySchema>;

/** The same for all images: where a block of two versions is the same, so is its digest, and an update need not bring it. */
const salt = createHash("sha256").update("orlop verity salt").digest("hex");

/** Writes the hash tree of `data` to `hash`; the result is always the same. */
export async function makeVerity(tools: ToolsRoot, data: string, hash: string): Promise<Verity> {
  const { size } = await stat(data);
  if (size % blockBytes !== 0) throw new Error(`bug: ${data} is not made of whole blocks`);
  const content = await sha256OfFile(data);
  const hashUuid = derivedUuid("verity", content);
  const { stdout } = await runTool(
    tools,
    [
      "veritysetup",
      "format",
      "--hash=sha256",
      `--salt=${salt}`,
      `--uuid=${hashUuid}`,
      `--data-block-size=${blockBytes}`,
      `--hash-block-size=${blockBytes}`,
      data,
      hash,
    ],
    { binds: [dirname(hash)], readOnlyBinds: [data] },
  );
  const rootHash = /^Root hash:\s*([0-9a-f]{64})$/m.exec(stdout)?.[1];
  if (rootHash === undefined)
    throw new Failure("no-root-hash", "cannot make the hash tree: veritysetup names no root hash");
  return { rootHash, salt, dataBlocks: size / blockBytes, rootUuid: await erofsUuid(data), hashUuid };
}

/** The UUID in an EROFS superblock, which lies 1024 bytes into the file; see the kernel's erofs_fs.h. */
async function erofsUuid(path: string): Promise<string> {
  const superblock = Buffer.from(
    await Bun.file(path)
      .slice(1024, 1024 + 64)
      .arrayBuffer(),
  );
  if (superblock.length < 64 || superblock.readUInt32LE(0) !== 0xe0f5e1e2) throw new Error(`bug: ${path} is no EROFS`);
  return uuidOfHex(superblock.toString("hex", 48, 64));
}

/** The device-mapper table behind the two devices. The hash tree begins after one block of superblock. */
export function verityTable({ rootHash, salt, dataBlocks }: Verity): string {
  // A read that does not verify is no reason to go on: the panic is on the console, then the machine reboots.
  const options = ["panic_on_corruption"];
  return [blockBytes, blockBytes, dataBlocks, 1, "sha256", rootHash, salt, options.length, ...options].join(" ");
}

/** Keeps what was made beside the files that it is about. */
export async function writeVerity(directory: string, verity: Verity): Promise<void> {
  await writeFile(join(directory, "verity.json"), JSON.stringify(verity));
}

export async function readVerity(directory: string): Promise<Verity> {
  return await readResult(directory, "verity.json", veritySchema);
}
