import { beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCleartextMessage, generateKey, type PrivateKey, type PublicKey, sign } from "openpgp";
import { archiveKeys, readRelease } from "./release.ts";

type Pair = { privateKey: PrivateKey; publicKey: PublicKey };

const made = new Date("2026-03-01T12:00:00Z");
const sha256 = "0123456789abcdef".repeat(4);
const text = `Origin: Debian
Codename: trixie-updates
Date: Sun, 01 Mar 2026 12:00:00 UTC
Valid-Until: Sun, 08 Mar 2026 12:00:00 UTC
SHA256:
 ${sha256} 1234 main/binary-amd64/Packages.xz
`;

let archive: Pair;
let stranger: Pair;
beforeAll(async () => {
  const key = (name: string): Promise<Pair> =>
    generateKey({ userIDs: [{ name }], type: "ecc", curve: "ed25519Legacy", date: new Date(0), format: "object" });
  [archive, stranger] = await Promise.all([key("archive"), key("stranger")]);
});

async function signed(content: string, ...keys: readonly Pair[]): Promise<string> {
  const message = await createCleartextMessage({ text: content });
  return sign({ message, signingKeys: keys.map(({ privateKey }) => privateKey), date: made });
}

function read(inRelease: string, now = new Date("2026-03-02T00:00:00Z")) {
  return readRelease(inRelease, { suite: "trixie-updates", keys: [archive.publicKey], now, where: "InRelease" });
}

test("a file signed by the archive gives its date and checksums", async () => {
  const release = await read(await signed(text, archive));
  expect(release.date).toEqual(made);
  expect([...release.files]).toEqual([["main/binary-amd64/Packages.xz", { sha256, bytes: 1234 }]]);
});

test("one good signature among several is enough", async () => {
  expect((await read(await signed(text, stranger, archive))).suite).toBe("trixie-updates");
});

test("a byte changed after signing is refused", async () => {
  const tampered = (await signed(text, archive)).replace("0123456789abcdef", "0123456789abcdee");
  await expect(read(tampered)).rejects.toThrow("none of its 1 signatures is a good one");
});

test("a stranger's signature is refused", async () => {
  await expect(read(await signed(text, stranger))).rejects.toThrow("none of its 1 signatures is a good one");
});

test("a file without a signature is refused", async () => {
  await expect(read(text)).rejects.toThrow("it is no signed message");
});

test("text before or after the signed part is not read", async () => {
  const fields = text.replace(sha256, "f".repeat(64));
  const inRelease = await signed(text, archive);
  for (const around of [`${fields}\n${inRelease}`, `${inRelease}\n${fields}`]) {
    const release = await read(around);
    expect(release.files.get("main/binary-amd64/Packages.xz")?.sha256).toBe(sha256);
  }
});

test("a suite other than the one asked for is refused", async () => {
  const mismatched = await signed(text.replace("Codename: trixie-updates", "Codename: bookworm"), archive);
  await expect(read(mismatched)).rejects.toThrow('its codename is "bookworm", expected "trixie-updates"');
});

test("a file past its Valid-Until is refused", async () => {
  const inRelease = await signed(text, archive);
  await expect(read(inRelease, new Date("2026-03-08T12:00:01Z"))).rejects.toMatchObject({ code: "expired-release" });
});

test("a file without Valid-Until is used, and its age is told once it is more than a month", async () => {
  const endless = await signed(text.replace(/^Valid-Until: .*\n/m, ""), archive);
  expect((await read(endless, new Date("2026-03-31T00:00:00Z"))).warning).toBeUndefined();
  expect((await read(endless, new Date("2026-04-01T00:00:00Z"))).warning).toBe(
    "InRelease is of 2026-03-01, and has no Valid-Until",
  );
});

test("a file from the future is refused, for then this machine's clock is wrong", async () => {
  const ahead = await signed(text.replace("01 Mar 2026 12", "02 Mar 2026 12"), archive);
  await expect(read(ahead)).rejects.toMatchObject({ code: "future-release" });
});

test("the keys of this machine are those of Debian 13, by fingerprint", async () => {
  expect((await archiveKeys()).map((key) => key.getFingerprint().slice(-8)).toSorted()).toEqual([
    "4cce68c6",
    "75b188bd",
    "b2c39de4",
  ]);
});

test("a stranger's key under the name of an archive's is refused", async () => {
  const keyrings = await mkdtemp(join(tmpdir(), "keyrings-"));
  try {
    await writeFile(join(keyrings, "debian-archive-trixie-stable.gpg"), stranger.publicKey.write());
    const fingerprints = new Set([archive.publicKey.getFingerprint()]);
    await expect(archiveKeys({ directory: keyrings, fingerprints })).rejects.toThrow(
      `holds a key that is not known: ${stranger.publicKey.getFingerprint()}`,
    );
  } finally {
    await rm(keyrings, { recursive: true });
  }
});

test("a machine without the archive's keys is told which package has them", async () => {
  const empty = await mkdtemp(join(tmpdir(), "keyrings-"));
  try {
    await archiveKeys({ directory: empty, fingerprints: new Set() });
    throw new Error("keys came out of an empty directory");
  } catch (error) {
    expect(error).toMatchObject({ code: "no-archive-keys", hint: expect.stringContaining("debian-archive-keyring") });
  } finally {
    await rm(empty, { recursive: true });
  }
});
