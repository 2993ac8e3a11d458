/**
 * The key and the certificate by which this host is known on the network. Made once, on the host, and never sent away.
 *
 * The certificate is self-signed: clients know it by its fingerprint, or keep it as their CA file. It names no address,
 * since a host does not know under which ones it is reached, and it has no end: RFC 5280 4.1.2.5 writes that as the year
 * 9999. Its beginning lies in the past, so that a clock that is not set yet does no harm.
 */
import { randomBytes } from "node:crypto";
import { kept } from "../../kept/things.ts";
import type { System } from "../../machine/system.ts";
import { identityIn, type Identity } from "./identity.ts";

/** @param make what makes one; simulated lives bring theirs */
export async function ensureIdentity(system: System, make = makeIdentity): Promise<Identity> {
  const present = await kept.identity.read(system);
  if (present !== undefined) return present;
  const made = await make();
  await kept.identity.replace(system, made);
  system.log.info("api: made a key and a certificate for the remote API");
  return made;
}

export async function makeIdentity(): Promise<Identity> {
  // Only a host that opens its remote API for the first time pays for loading these.
  await import("reflect-metadata");
  const { ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension, X509CertificateGenerator } =
    await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: `01${randomBytes(15).toString("hex")}`, // positive, with 120 bits of chance
    name: [{ CN: ["orlop host"] }],
    notBefore: new Date("2020-01-01T00:00:00Z"),
    notAfter: new Date("9999-12-31T23:59:59Z"),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const lines = key.match(/.{1,64}/g)?.join("\n") ?? "";
  return identityIn(
    `${certificate.toString("pem")}\n-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  );
}
