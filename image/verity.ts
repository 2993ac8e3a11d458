/**
 * dm-verity: the hash tree of a root, its root hash, and the device-mapper table that the initrd loads.
 *
 * Sources: kernel Documentation/admin-guide/device-mapper/verity.rst; Discoverable Partitions Specification for the
 * UUIDs, which let the initrd find exactly the two partitions that belong to the root hash in its command line.
 */
import { createHash } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { Failure } from "../lib/failure.ts";
import { derivedUuid, uuidOfHex } from "./derived-uuid.ts";
import { sha256OfFile } from "./packages/cache.ts";
import { runTool, type ToolsRoot } from "./packages/tools-root.ts";

export const blockBytes = 4096;

const hexDigits = z.string().regex(/^[0-9a-f]{64}$/);
const veritySchema = z.strictObject({ rootHash: hexDigits, salt: hexDigits, dataBlocks: z.int().positive() });

/** What is needed to open a root: SHA-256 hashes as hexadecimal digits, and its length. */
export type Verity = z.infer<typeof veritySchema>;

/** Writes the hash tree of `data` to `hash`. The salt comes from the data, so the result is always the same. */
export async function makeVerity(tools: ToolsRoot, data: string, hash: string): Promise<Verity> {
  const { size } = await stat(data);
  if (size % blockBytes !== 0) throw new Error(`bug: ${data} is not made of whole blocks`);
  const content = await sha256OfFile(data);
  const salt = createHash("sha256").update(`orlop verity salt\0${content}`).digest("hex");
  const { stdout } = await runTool(
    tools,
    [
      "veritysetup",
      "format",
      "--hash=sha256",
      `--salt=${salt}`,
      `--uuid=${derivedUuid("verity", content)}`,
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
  return { rootHash, salt, dataBlocks: size / blockBytes };
}

/** The UUIDs that the partitions of a root and of its hash tree carry: the two halves of the root hash. */
export function partitionUuids({ rootHash }: Pick<Verity, "rootHash">): { root: string; hash: string } {
  return { root: uuidOfHex(rootHash.slice(0, 32)), hash: uuidOfHex(rootHash.slice(32)) };
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
  return veritySchema.parse(JSON.parse(await readFile(join(directory, "verity.json"), "utf8")));
}
