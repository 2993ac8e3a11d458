/** Protects: firmware in setup mode takes our certificates, which it checks as the specification says. */
import { expect, test } from "bun:test";
import { createHash, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openToolsRoot } from "../packages/tools-root.ts";
import { enrolmentFiles, makeEnrolment } from "./enrolment.ts";
import { openBootKeys, openSigningKey } from "./signing-key.ts";

const epochSeconds = 1_700_000_000;
/** EFI_TIME, the header of a WIN_CERTIFICATE, and the GUID of its type. */
const signatureAt = 16 + 8 + 16;
const sha256 = Buffer.from("608648016503040201", "hex");

test("each variable gets a list with its own certificate, behind a bare SignedData with SHA-256; twice the same", async () => {
  const tools = await openToolsRoot();
  const directory = await mkdtemp(join(tmpdir(), "enrolment-"));
  try {
    const keys = await openBootKeys(tools, { interactive: false }, join(directory, "keys"));
    const holds = { "PK.auth": keys.platform, "KEK.auth": keys.exchange, "db.auth": keys.image };
    const [first, second] = [join(directory, "first"), join(directory, "second")];
    for (const output of [first, second]) {
      await mkdir(output);
      await makeEnrolment(tools, keys, output, epochSeconds);
    }
    expect((await readdir(first)).toSorted()).toEqual(enrolmentFiles.toSorted());
    expect(Object.keys(holds).toSorted()).toEqual(enrolmentFiles.toSorted());
    for (const [name, key] of Object.entries(holds)) {
      const certificate = new X509Certificate(await readFile(key.certificate)).raw;
      const bytes = await readFile(join(first, name));
      expect(bytes.equals(await readFile(join(second, name)))).toBe(true);
      expect([bytes.readUInt16LE(0), bytes[2], bytes[3]]).toEqual([2023, 11, 14]);
      const list = bytes.subarray(16 + bytes.readUInt32LE(16));
      expect(list.readUInt32LE(16)).toBe(list.length);
      expect(list.subarray(-certificate.length).equals(certificate)).toBe(true);
      // Where EDK2 looks for the digest of a SignedData that nothing is wrapped around.
      expect(bytes.subarray(signatureAt + 13, signatureAt + 13 + sha256.length).equals(sha256)).toBe(true);
    }
    const digests = enrolmentFiles.map(async (name) =>
      createHash("sha256")
        .update(await readFile(join(first, name)))
        .digest("hex"),
    );
    expect(new Set(await Promise.all(digests)).size).toBe(enrolmentFiles.length);
  } finally {
    await rm(directory, { recursive: true });
  }
}, 120_000);

test("what a production machine enrols holds no key that signs images with a shell", async () => {
  const tools = await openToolsRoot();
  const directory = await mkdtemp(join(tmpdir(), "enrolment-"));
  try {
    const keys = join(directory, "keys");
    const production = await openBootKeys(tools, { interactive: false }, keys);
    const interactive = await openBootKeys(tools, { interactive: true }, keys);
    await makeEnrolment(tools, production, directory, epochSeconds);
    const inside = new X509Certificate(await readFile(interactive.image.certificate)).raw;
    for (const name of enrolmentFiles) expect((await readFile(join(directory, name))).includes(inside)).toBe(false);
    const all = [production.platform, production.exchange, production.image, interactive.image];
    const certificates = await Promise.all(all.map(async ({ certificate }) => await readFile(certificate, "utf8")));
    expect(new Set(certificates).size).toBe(all.length);
  } finally {
    await rm(directory, { recursive: true });
  }
}, 120_000);

test("the signature database has a key for kernel modules in a list of its own, and no other variable has it", async () => {
  const tools = await openToolsRoot();
  const directory = await mkdtemp(join(tmpdir(), "enrolment-"));
  try {
    const keys = await openBootKeys(tools, { interactive: false }, join(directory, "keys"));
    const modules = await openSigningKey(tools, "secure-boot", join(directory, "modules"));
    await makeEnrolment(tools, { ...keys, modules: modules.certificate }, directory, epochSeconds);
    const raw = async (path: string) => new X509Certificate(await readFile(path)).raw;
    const [image, own] = [await raw(keys.image.certificate), await raw(modules.certificate)];
    for (const name of enrolmentFiles) {
      expect((await readFile(join(directory, name))).includes(own)).toBe(name === "db.auth");
    }
    const database = await readFile(join(directory, "db.auth"));
    const lists = database.subarray(16 + database.readUInt32LE(16));
    const firstBytes = lists.readUInt32LE(16);
    expect(lists.subarray(0, firstBytes).subarray(-image.length).equals(image)).toBe(true);
    const second = lists.subarray(firstBytes);
    expect(second.readUInt32LE(16)).toBe(second.length);
    expect(second.subarray(-own.length).equals(own)).toBe(true);
  } finally {
    await rm(directory, { recursive: true });
  }
}, 120_000);
