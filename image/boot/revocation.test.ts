/** Protects: what is revoked is the program that was signed, and the list is one that firmware adds to its own. */
import { expect, test } from "bun:test";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authenticodeHash } from "../../lib/efi/authenticode.ts";
import { packagesOf, readLock } from "../packages/lock.ts";
import { openToolsRoot } from "../packages/tools-root.ts";
import { unpackLoaders } from "../steps/boot.ts";
import { revocationOf } from "./revocation.ts";
import { signEfi } from "./sign.ts";
import { openSigningKey } from "./signing-key.ts";

const epochSeconds = 1_700_000_000;

test("the hash of a program is the one that its signature is about, whoever signed it", async () => {
  const tools = await openToolsRoot();
  const directory = await mkdtemp(join(tmpdir(), "revocation-"));
  try {
    const loaders = join(directory, "loaders");
    await unpackLoaders(loaders, packagesOf(await readLock("x86_64"), ["boot"]));
    const input = join(directory, "loader.efi");
    await copyFile(join(loaders, "usr/lib/systemd/boot/efi/systemd-bootx64.efi"), input);
    const hashes: string[] = [];
    for (const owner of ["one", "two"]) {
      const key = await openSigningKey(tools, "secure-boot", join(directory, owner));
      const output = join(directory, `${owner}.efi`);
      await signEfi(tools, key, { input, output, epochSeconds });
      const signed = await readFile(output);
      const hash = authenticodeHash(signed, output);
      // The signature holds the hash that systemd-sbsign worked out.
      expect(signed.subarray(-2048).includes(hash)).toBe(true);
      hashes.push(hash.toString("hex"));
    }
    expect(hashes[0]).toBe(hashes[1] ?? "");
  } finally {
    await rm(directory, { recursive: true });
  }
}, 120_000);

test("a list holds every hash, and says that it is added", async () => {
  const tools = await openToolsRoot();
  const directory = await mkdtemp(join(tmpdir(), "revocation-"));
  try {
    const key = await openSigningKey(tools, "key-exchange-key", join(directory, "keys"));
    const hashes = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const made = await revocationOf(tools, key, hashes, { directory, epochSeconds });
    const list = made.subarray(16 + made.readUInt32LE(16));
    expect([list.readUInt32LE(16), list.readUInt32LE(20), list.readUInt32LE(24)]).toEqual([list.length, 0, 48]);
    for (const hash of hashes) expect(list.includes(hash)).toBe(true);
    expect(list.length).toBe(28 + 2 * 48);
  } finally {
    await rm(directory, { recursive: true });
  }
}, 120_000);

test("what is no program is refused", () => {
  expect(() => authenticodeHash(Buffer.alloc(4096), "/x.efi")).toThrow("cannot use /x.efi: it is no EFI program");
});
