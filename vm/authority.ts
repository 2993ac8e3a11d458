/** Certificate authorities for what this computer starts: clients and servers under one CA. Source: RFC 5280. */
import "reflect-metadata"; // x509 looks its parts up by decorators
import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** Both in PEM. */
export type Issued = { certificate: string; key: string };

export type Subject = {
  commonName: string;
  organizations?: readonly string[];
  /** It may be a client's. */
  client?: boolean;
  /** It is a server's, which is known by these host names and IP addresses. */
  serverNames?: readonly string[];
};

export type Lifetime = { notBefore: Date; notAfter: Date };

/** Who knows the key can issue: a machine that is to trust the authority gets the certificate only. */
export type Authority = Issued & { issue(subject: Subject): Promise<Issued> };

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** Guests may run with a clock that is some hours off. */
const slackMs = 24 * 3600 * 1000;
const lifetimeMs = 5 * 365 * 24 * 3600 * 1000;

export async function makeAuthority(commonName: string, lifetime: Lifetime = fiveYears()): Promise<Authority> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...lifetime,
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: certificate.toString("pem"),
    key: await privateKeyPem(keys.privateKey),
    async issue({ commonName: name, organizations = [], client = false, serverNames = [] }) {
      const own = await makeKeys();
      const alternatives = serverNames.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const);
      const issued = await X509CertificateGenerator.create({
        ...fiveYears(),
        serialNumber: serialNumber(),
        subject: [...organizations.map((organization) => ({ O: [organization] })), { CN: [name] }],
        issuer: certificate.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([
            ...(client ? [ExtendedKeyUsage.clientAuth] : []),
            ...(alternatives.length === 0 ? [] : [ExtendedKeyUsage.serverAuth]),
          ]),
          await AuthorityKeyIdentifierExtension.create(keys.publicKey),
          ...(alternatives.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternatives)]),
        ],
      });
      return { certificate: issued.toString("pem"), key: await privateKeyPem(own.privateKey) };
    },
  };
}

/** A pair for signatures outside of certificates. */
export async function makeKeyPair(): Promise<{ publicKey: string; privateKey: string }> {
  const { publicKey, privateKey } = await makeKeys();
  const der = Buffer.from(await crypto.subtle.exportKey("spki", publicKey));
  return { publicKey: pem("PUBLIC KEY", der), privateKey: await privateKeyPem(privateKey) };
}

async function makeKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return pem("PRIVATE KEY", Buffer.from(await crypto.subtle.exportKey("pkcs8", key)));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").replaceAll(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

function fiveYears(): Lifetime {
  return { notBefore: new Date(Date.now() - slackMs), notAfter: new Date(Date.now() + lifetimeMs) };
}

/** Positive and unique: RFC 5280 4.1.2.2. */
function serialNumber(): string {
  return `01${randomBytes(15).toString("hex")}`;
}
