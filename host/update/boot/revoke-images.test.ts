/** Protects: the firmware gets the list as it was signed, once, and not the image that runs unless somebody insists. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { authenticodeHash } from "../../../lib/efi/authenticode.ts";
import { efiProgram } from "../../../test/worlds/update/update-image.ts";
import { writePartitionSets } from "../../../test/worlds/update/partition-sets.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import { revokeImages } from "./revoke-images.ts";

const secureBoot = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const dbx = "/sys/firmware/efi/efivars/dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f";
const running = efiProgram({ ".linux": Buffer.alloc(4096, 1), ".initrd": Buffer.from("the initrd") });

/** As `./orlop revoke` makes it, with a signature that only a firmware would look at. */
function listOf(...hashes: Buffer[]): Buffer {
  const [time, signature, header] = [Buffer.alloc(16), Buffer.alloc(40), Buffer.alloc(28)];
  signature.writeUInt32LE(signature.length);
  header.writeUInt32LE(28 + 48 * hashes.length, 16);
  header.writeUInt32LE(48, 24);
  return Buffer.concat([time, signature, header, ...hashes.flatMap((hash) => [Buffer.alloc(16, 9), hash])]);
}

async function machine(): Promise<{
  host: TestSystem;
  path: string;
  written: Buffer[];
  write: (path: string, content: Buffer) => void;
}> {
  const host = await testSystem();
  await writePartitionSets(host, "a", "1.0.0");
  await host.write(secureBoot, "\u0006\0\0\0\u0001", "latin1");
  await writeFile(join(host.system.root, "efi/EFI/orlop/a.efi"), running);
  const written: Buffer[] = [];
  return { host, path: join(host.system.root, "dbx.auth"), written, write: (_, content) => void written.push(content) };
}

const later = { evenRunning: false };
const old = Buffer.alloc(32, 1);

test("the list goes to the firmware behind the attributes, and not once more when it is known", async () => {
  const { host, path, written, write } = await machine();
  await using _host = host;
  await writeFile(path, listOf(old));
  expect(await revokeImages(host.system, path, later, write)).toBe(1);
  expect(written).toEqual([Buffer.concat([Buffer.from([0x67, 0, 0, 0]), listOf(old)])]);
  await host.write(dbx, Buffer.concat([Buffer.alloc(48), old]).toString("latin1"), "latin1");
  expect(await revokeImages(host.system, path, later, write)).toBe(0);
  expect(written).toHaveLength(1);
});

test("the image that runs is revoked only by who insists", async () => {
  const { host, path, written, write } = await machine();
  await using _host = host;
  await writeFile(path, listOf(old, authenticodeHash(running, "a.efi")));
  await expect(revokeImages(host.system, path, later, write)).rejects.toMatchObject({ code: "runs-here" });
  expect(written).toEqual([]);
  expect(await revokeImages(host.system, path, { evenRunning: true }, write)).toBe(2);
});

test("without Secure Boot, and for what is no list, nothing is written and the reason is told", async () => {
  const { host, path, written, write } = await machine();
  await using _host = host;
  for (const bad of [Buffer.alloc(0), Buffer.alloc(100), listOf(old).subarray(0, -1)]) {
    await writeFile(path, bad);
    await expect(revokeImages(host.system, path, later, write)).rejects.toMatchObject({ code: "bad-revocation" });
  }
  await writeFile(path, listOf(old));
  await host.write(secureBoot, "\u0006\0\0\0\0", "latin1");
  await expect(revokeImages(host.system, path, later, write)).rejects.toThrow("Secure Boot is off");
  expect(written).toEqual([]);
});
