/** What somebody with another key would make of an extension: the same file system, vouched for by that key. */
import { mkdir, open } from "node:fs/promises";
import { basename, join } from "node:path";
import { openSigningKey, type SigningKey } from "../../../image/boot/signing-key.ts";
import { makeSignedDisk } from "../../../image/extension/signed-disk.ts";
import { openToolsRoot } from "../../../image/packages/tools-root.ts";
import { entryOf } from "../../../lib/partition-table.ts";
import { extensionPartitions } from "../../../repo/extension.ts";

/** @returns a key that no image trusts */
export async function strangersKey(directory: string): Promise<SigningKey> {
  return await openSigningKey(await openToolsRoot(), "secure-boot-development", join(directory, "stranger"));
}

/** @param output a directory @returns the path, under the same name */
export async function resigned(path: string, key: SigningKey, output: string): Promise<string> {
  await mkdir(output, { recursive: true });
  const file = Bun.file(path);
  const { first, sectors } = entryOf(Buffer.from(await file.slice(0, 34 * 512).bytes()), extensionPartitions.root);
  const root = join(output, "root.erofs");
  await Bun.write(root, await file.slice(first * 512, (first + sectors) * 512).bytes());
  const made = join(output, basename(path));
  const options = { root, work: output, key, architecture: "x86_64", name: "resigned", epochSeconds: 0 } as const;
  await makeSignedDisk(await openToolsRoot(), made, options);
  return made;
}

/** Changes one bit of a file. */
export async function flipBit(path: string, offset: number): Promise<void> {
  await using file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await file.write(byte, 0, 1, offset);
}
