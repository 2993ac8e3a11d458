/** Certificate authorities with certificates of clients, good and bad ones, and of servers, for tests of TLS. */
import "reflect-metadata";
import { randomBytes } from "node:crypto";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type Extension,
  type X509Certificate,
} from "@peculiar/x509";
import { isIP } from "node:net";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 86_400_000;

export type ClientCertificate = { certificate: string; key: string };
export type IssuedServer = ClientCertificate & { ca: string };
export type ClientOptions = {
  /** Common names of the subject; one unless the test is about others. */
  names?: readonly string[];
  expired?: true;
};

export class TestAuthority {
  readonly #keys: CryptoKeyPair;
  readonly #certificate: X509Certificate;

  private constructor(keys: CryptoKeyPair, certificate: X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async make(name: string): Promise<TestAuthority> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...lifetime(false),
      serialNumber: serialNumber(),
      name: [{ CN: [name] }],
      keys,
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(true, 0, true)],
    });
    return new TestAuthority(keys, certificate);
  }

  get pem(): string {
    return this.#certificate.toString("pem");
  }

  /** As `settings.api.remote.client-cas` and `settings.pki` take it. */
  get setting(): string {
    return Buffer.from(this.pem).toString("base64");
  }

  async client({ names = ["alice"], expired }: ClientOptions = {}): Promise<ClientCertificate> {
    return this.#issue(names, lifetime(expired === true), []);
  }

  /** For a server that is known by these host names and IP addresses. */
  async server(names: readonly string[]): Promise<IssuedServer> {
    const alternatives = names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const);
    const issued = await this.#issue(names.slice(0, 1), lifetime(false), [
      new SubjectAlternativeNameExtension(alternatives),
    ]);
    return { ...issued, ca: this.pem };
  }

  async #issue(
    names: readonly string[],
    valid: { notBefore: Date; notAfter: Date },
    extensions: readonly Extension[],
  ): Promise<ClientCertificate> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.create({
      ...valid,
      serialNumber: serialNumber(),
      subject: names.map((name) => ({ CN: [name] })),
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(false, undefined, true), ...extensions],
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
