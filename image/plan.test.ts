import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { variantNamed } from "../variants/all.ts";
import { planImage } from "./plan.ts";

const options = {
  version: "0.1.0",
  commit: "00000000",
  hostBinary: import.meta.path,
  hostNames: { executable: "orlop", links: [] },
};

test("a key that somebody chose signs no image that gives whoever boots it a shell", async () => {
  const keys = await mkdtemp(join(tmpdir(), "orlop-plan-"));
  try {
    const signingKey = { privateKey: "/keys/release.key", certificate: "/keys/release.crt" };
    const chosen = { ...options, keys, signingKey };
    await expect(planImage(variantNamed("dev"), "x86_64", chosen, {})).rejects.toMatchObject({
      code: "wrong-key",
      message: "cannot sign dev with a chosen key: whoever boots it gets a shell",
    });
    // A variant without one gets as far as the key that is not there.
    await expect(planImage(variantNamed("metal-dev"), "x86_64", chosen, {})).rejects.toThrow("/keys/release.key");
  } finally {
    await rm(keys, { recursive: true });
  }
}, 300_000);

test("what hosts shall take modules by is a certificate, or nothing is built", async () => {
  const moduleCertificate = import.meta.path;
  await expect(
    planImage(variantNamed("metal-dev"), "x86_64", { ...options, moduleCertificate }, {}),
  ).rejects.toMatchObject({
    code: "bad-certificate",
    message: `cannot build an image that trusts ${import.meta.path}: it is no certificate in PEM`,
  });
}, 300_000);

test("a file that is not there is refused by its name before anything is made of the image, whatever it is for", async () => {
  const missing = "/keys/none.pem";
  const key = { privateKey: import.meta.path, certificate: missing };
  for (const further of [
    { moduleCertificate: missing },
    { updateRoot: missing },
    { signingKey: key },
    { pcrSigningKey: key },
  ]) {
    await expect(planImage(variantNamed("metal-dev"), "x86_64", { ...options, ...further }, {})).rejects.toMatchObject({
      code: "no-such-file",
      message: `cannot build from ${missing}: there is no such file`,
    });
  }
}, 300_000);

test("an image for an architecture that its variant is not for is refused with those that it is for", async () => {
  await expect(planImage(variantNamed("vmware-k8s-1.35"), "aarch64", options, {})).rejects.toMatchObject({
    message: "cannot build vmware-k8s-1.35 for aarch64: it is for x86_64",
  });
}, 300_000);
