/** A disk image whose file system is vouched for: root, hash tree and signature, as systemd-sysext(8) takes them too. */
import { X509Certificate } from "node:crypto";
import { readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { veritySignature } from "../../lib/verity-signature.ts";
import { extensionPartitions } from "../../repo/extension.ts";
import type { Architecture } from "../../variants/variant.ts";
import type { SigningKey } from "../boot/signing-key.ts";
import { signerOf } from "../boot/token.ts";
import { derivedUuid, uuidOfHex } from "../derived-uuid.ts";
import { rootTypes } from "../disk/layout.ts";
import { makeDisk } from "../disk/make-disk.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { blockBytes, makeVerity } from "../verity.ts";

/** systemd-repart lays partitions out in steps of this. */
const grainBytes = 4096;

/**
 * Writes the image. What it was made from stays beside it in the work directory.
 *
 * @param root a file system of EROFS
 */
export async function makeSignedDisk(
  tools: ToolsRoot,
  output: string,
  {
    root,
    work,
    key,
    ...options
  }: { root: string; work: string; key: SigningKey; architecture: Architecture; name: string; epochSeconds: number },
): Promise<void> {
  const { architecture, name, epochSeconds } = options;
  const [tree, signature] = [join(work, "root.verity"), join(work, "root.signature")];
  // Of a single block dm-verity makes no tree.
  if ((await stat(root)).size < 2 * blockBytes) await truncate(root, 2 * blockBytes);
  const { rootHash } = await makeVerity(tools, root, tree);
  const certificate = new X509Certificate(await readFile(key.certificate));
  await writeFile(signature, veritySignature(rootHash, certificate, await signedDigits(tools, key, rootHash, work)));
  const type = rootTypes[architecture];
  const bytesOf = async (path: string): Promise<number> => Math.ceil((await stat(path)).size / grainBytes) * grainBytes;
  await makeDisk(
    tools,
    output,
    [
      // The specification derives both UUIDs from the root hash.
      {
        type,
        label: extensionPartitions.root,
        bytes: await bytesOf(root),
        content: root,
        uuid: uuidOfHex(rootHash.slice(0, 32)),
      },
      {
        type: `${type}-verity`,
        label: extensionPartitions.verity,
        bytes: await bytesOf(tree),
        content: tree,
        uuid: uuidOfHex(rootHash.slice(32)),
      },
      {
        type: `${type}-verity-sig`,
        label: extensionPartitions.signature,
        bytes: await bytesOf(signature),
        content: signature,
      },
    ],
    { seed: derivedUuid("extension disk", `${name} ${rootHash}`), epochSeconds, bytes: "auto" },
  );
}

/** A PKCS #7 message about the digits of a root hash, without them, certificates and attributes. */
async function signedDigits(tools: ToolsRoot, key: SigningKey, rootHash: string, work: string): Promise<Buffer> {
  const [digits, message] = [join(work, "digits"), join(work, "message")];
  const { openssl, options } = signerOf(key);
  await writeFile(digits, rootHash);
  const signing = [
    "openssl",
    "cms",
    "-sign",
    "-binary",
    "-noattr",
    "-nocerts",
    "-md",
    "sha256",
    "-outform",
    "DER",
  ] as const;
  await runTool(tools, [...signing, ...openssl, "-in", digits, "-out", message], {
    ...options,
    binds: [...(options.binds ?? []), work],
  });
  const der = await readFile(message);
  for (const path of [digits, message]) await rm(path);
  return der;
}
