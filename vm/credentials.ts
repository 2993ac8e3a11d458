/**
 * The certificates with which a laptop is let into the machines that it starts.
 *
 * Made anew for every machine: a CA that lives only for this call, and one client certificate under it. What the guest
 * gets is the CA's certificate; the CA's key is forgotten, so nobody can ever make a second client. Source: RFC 5280.
 */
import "reflect-metadata"; // x509 looks its parts up by decorators
import { randomBytes } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** All in PEM, but for the name. */
export type Credentials = {
  ca: string;
  certificate: string;
  key: string;
  /** Common name of the client's certificate, which the host maps to a role. */
  subject: string;
};

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** Guests may run with a clock that is some hours off. */
const slackMs = 24 * 3600 * 1000;
const lifetimeMs = 5 * 365 * 24 * 3600 * 1000;

/** A client under a CA of its own. */
export async function makeCredentials(subject = "orlop-up"): Promise<Credentials> {
  const ca = await makeAuthority();
  return ca.client(subject);
}

export type Authority = { certificate: string; client(subject: string): Promise<Credentials> };

/** A CA, for who needs several clients of one. */
export async function makeAuthority(): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const name = [{ CN: ["orlop machines of one laptop"] }];
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...lifetime(),
    serialNumber: serialNumber(),
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const ca = certificate.toString("pem");
  return {
    certificate: ca,
    async client(subject) {
      const client = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const issued = await X509CertificateGenerator.create({
        ...lifetime(),
        serialNumber: serialNumber(),
        subject: [{ CN: [subject] }],
        issuer: certificate.subject,
        publicKey: client.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
          await AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      return { ca, certificate: issued.toString("pem"), key: await privateKeyPem(client.privateKey), subject };
    },
  };
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  const base64 = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${base64.replaceAll(/.{64}(?=.)/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}

function lifetime(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - slackMs), notAfter: new Date(Date.now() + lifetimeMs) };
}

/** Positive and unique: RFC 5280 4.1.2.2. */
function serialNumber(): string {
  return `01${randomBytes(15).toString("hex")}`;
}
