import { createPrivateKey, X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { testSystem } from "../../../test/worlds/host/system.ts";
import { kept } from "../../kept/things.ts";
import { listSetAside } from "../../kept/set-aside.ts";
import { ensureIdentity, makeIdentity } from "./certificate.ts";

const path = "/var/lib/orlop/api/identity.pem";

test("a host makes its certificate once and keeps it, readable for itself alone", async () => {
  await using host = await testSystem();
  const made = await ensureIdentity(host.system);
  expect(await ensureIdentity(host.system)).toEqual(made);
  expect((await stat(join(host.system.root, path))).mode & 0o777).toBe(0o600);
});

test("certificate and key belong together, and the certificate has no end", async () => {
  await using host = await testSystem();
  const { certificate, key, fingerprint } = await ensureIdentity(host.system);
  const parsed = new X509Certificate(certificate);
  expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(parsed.validTo).toContain("9999");
  expect(parsed.fingerprint256).toBe(fingerprint);
});

test("two hosts never have the same certificate", async () => {
  await using first = await testSystem();
  await using second = await testSystem();
  const [left, right] = [await ensureIdentity(first.system), await ensureIdentity(second.system)];
  expect(left.fingerprint).not.toBe(right.fingerprint);
});

/** A base64 line in the middle of the key, changed. */
const spoiled = (pem: string): string => pem.replace(/(PRIVATE KEY-----\n.{8})./, "$1*");

test.each([
  ["a text of another kind", () => "nothing of the kind\n"],
  ["a file that was cut short", (pem: string) => pem.slice(0, pem.length - 40)],
  ["a key that is no key", spoiled],
])("%s is set aside, and the host has a new identity", async (_, damage) => {
  await using host = await testSystem();
  const before = await ensureIdentity(host.system);
  const damaged = damage(await host.read(path));
  await host.write(path, damaged);
  const after = await ensureIdentity(host.system);
  expect(after.fingerprint).not.toBe(before.fingerprint);
  expect(await ensureIdentity(host.system)).toEqual(after);
  const [aside] = await listSetAside(host.system, [kept.identity]);
  expect(await host.read(aside?.movedTo ?? "")).toBe(damaged);
});

test("a key that does not belong to the certificate is no identity", async () => {
  await using host = await testSystem();
  const [mine, stranger] = [await makeIdentity(), await makeIdentity()];
  await host.write(path, `${mine.certificate}${stranger.key}`);
  expect((await ensureIdentity(host.system)).fingerprint).not.toBe(mine.fingerprint);
});
