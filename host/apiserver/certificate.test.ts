import { createPrivateKey, X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { testSystem } from "../../test/system.ts";
import { ensureIdentity } from "./certificate.ts";

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
  await using one = await testSystem();
  await using other = await testSystem();
  const [left, right] = [await ensureIdentity(one.system), await ensureIdentity(other.system)];
  expect(left.fingerprint).not.toBe(right.fingerprint);
});

test("a damaged file is told, not replaced: clients know the fingerprint", async () => {
  await using host = await testSystem();
  await host.write(path, "nothing of the kind\n");
  await expect(ensureIdentity(host.system)).rejects.toMatchObject({ code: "bad-identity" });
  expect(await host.read(path)).toBe("nothing of the kind\n");
});
