import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { variantNamed } from "../variants/all.ts";
import { planImage } from "./plan.ts";

test("a key that somebody chose signs no image that gives whoever boots it a shell", async () => {
  const keys = await mkdtemp(join(tmpdir(), "orlop-plan-"));
  try {
    const options = {
      version: "0.1.0",
      commit: "00000000",
      hostBinary: import.meta.path,
      hostNames: { executable: "orlop", links: [] },
      keys,
      signingKey: { privateKey: "/keys/release.key", certificate: "/keys/release.crt" },
    };
    await expect(planImage(variantNamed("dev"), "x86_64", options, {})).rejects.toMatchObject({
      code: "wrong-key",
      message: "cannot sign dev with a chosen key: whoever boots it gets a shell",
    });
    // A variant without one gets as far as the key that is not there.
    await expect(planImage(variantNamed("metal-dev"), "x86_64", options, {})).rejects.toThrow("/keys/release.key");
  } finally {
    await rm(keys, { recursive: true });
  }
}, 300_000);

test("what hosts shall take modules by is a certificate, or nothing is built", async () => {
  const options = {
    version: "0.1.0",
    commit: "00000000",
    hostBinary: import.meta.path,
    hostNames: { executable: "orlop", links: [] },
    moduleCertificate: import.meta.path,
  };
  await expect(planImage(variantNamed("metal-dev"), "x86_64", options, {})).rejects.toMatchObject({
    code: "bad-certificate",
    message: `cannot build an image that trusts ${import.meta.path}: it is no certificate in PEM`,
  });
}, 300_000);
