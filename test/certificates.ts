/** Certificate authorities and client certificates, good and bad ones, for tests of mutual TLS. */
import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { BasicConstraintsExtension, X509CertificateGenerator, type X509Certificate } from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 86_400_000;

export type ClientCertificate = { certificate: string; key: string };
export type ClientOptions = {
  /** Common names of the subject; one unless the test is about others. */
  names?: readonly string[];
  expired?: true;
};

export class Authority {
  readonly #keys: CryptoKeyPair;
  readonly #certificate: X509Certificate;

  private constructor(keys: CryptoKeyPair, certificate: X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async make(name: string): Promise<Authority> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...lifetime(false),
      serialNumber: serialNumber(),
      name: [{ CN: [name] }],
      keys,
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(true, 0, true)],
    });
    return new Authority(keys, certificate);
  }

  /** As `settings.api.remote.client-cas` takes it. */
  get setting(): string {
    return Buffer.from(this.#certificate.toString("pem")).toString("base64");
  }

  async client({ names = ["alice"], expired }: ClientOptions = {}): Promise<ClientCertificate> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.create({
      ...lifetime(expired === true),
      serialNumber: serialNumber(),
      subject: names.map((name) => ({ CN: [name] })),
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(false, undefined, true)],
    });
    const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    const key = `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
    return { certificate: certificate.toString("pem"), key };
  }
}

const serialNumber = (): string => `01${randomBytes(15).toString("hex")}`;

function lifetime(expired: boolean): { notBefore: Date; notAfter: Date } {
  const nowMs = Date.now();
  return { notBefore: new Date(nowMs - 10 * dayMs), notAfter: new Date(nowMs + (expired ? -1 : 10) * dayMs) };
}
