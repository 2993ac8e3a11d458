/** By which key and certificate this host is known on the network. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { Failure } from "../../../lib/failure.ts";

export type Identity = {
  /** PEM. */
  certificate: string;
  key: string;
  /** SHA-256 of the certificate: upper case, with colons, as openssl prints it. */
  fingerprint: string;
};

/** Both in one text, so that they can never be of different makes. @throws {Failure<"damaged">} */
export function identityIn(pem: string): Identity {
  const certificate = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?/s.exec(pem)?.[0];
  const key = /-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----\n?/s.exec(pem)?.[0];
  if (certificate === undefined || key === undefined) {
    throw new Failure("damaged", "cannot read the host's identity: a certificate and a private key are expected");
  }
  try {
    const read = new X509Certificate(certificate);
    if (read.checkPrivateKey(createPrivateKey(key))) return { certificate, key, fingerprint: read.fingerprint256 };
  } catch (cause) {
    throw new Failure("damaged", "cannot read the host's identity: its certificate or key is damaged", { cause });
  }
  throw new Failure("damaged", "cannot use the host's identity: its key does not belong to its certificate");
}

export function pemOf({ certificate, key }: Identity): string {
  return `${certificate.trim()}\n${key.trim()}\n`;
}
