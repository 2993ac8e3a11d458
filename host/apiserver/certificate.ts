/**
 * The key and the certificate by which this host is known on the network. Made once, on the host, and never sent away.
 *
 * The certificate is self-signed: clients know it by its fingerprint, or keep it as their CA file. It names no address,
 * since a host does not know under which ones it is reached, and it has no end: RFC 5280 4.1.2.5 writes that as the year
 * 9999. Its beginning lies in the past, so that a clock that is not set yet does no harm.
 */
import { randomBytes, X509Certificate } from "node:crypto";
import { Failure } from "../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files.ts";
import { hostPath, type System } from "../system.ts";

/** Both in one file, so that they can never be of different makes. */
const path = "/var/lib/orlop/api/identity.pem";

export type Identity = {
  /** PEM. */
  certificate: string;
  key: string;
  /** SHA-256 of the certificate: upper case, with colons, as openssl prints it. */
  fingerprint: string;
};

/** @throws {Failure<"bad-identity">} when the file is there but is no certificate and key */
export async function ensureIdentity(system: System): Promise<Identity> {
  const present = await readTextIfPresent(hostPath(system, path));
  if (present !== undefined) return identityOf(present);
  const made = await makeIdentity();
  await writeFileAtomic(hostPath(system, path), made, 0o600);
  system.log.info("api: made a key and a certificate for the remote API");
  return identityOf(made);
}

function identityOf(pem: string): Identity {
  const certificate = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?/s.exec(pem)?.[0];
  const key = /-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----\n?/s.exec(pem)?.[0];
  if (certificate === undefined || key === undefined) {
    throw new Failure("bad-identity", `cannot read ${path}: it does not hold a certificate and a private key`, {
      hint: "remove it, and the host makes a new one with a new fingerprint",
    });
  }
  return { certificate, key, fingerprint: new X509Certificate(certificate).fingerprint256 };
}

async function makeIdentity(): Promise<string> {
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
  return `${certificate.toString("pem")}\n-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}
