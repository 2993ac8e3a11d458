/** Certificates and keys in PEM, in base64. */
import type { KeyObject, X509Certificate } from "node:crypto";
import { base64Of } from "./text.ts";
import type { Type } from "./type.ts";

const block = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** The PEM blocks of a base64 text; undefined when one of them is no X.509 certificate. */
export function certificatesIn(encoded: string): X509Certificate[] | undefined {
  const blocks = Buffer.from(encoded, "base64").toString("latin1").match(block) ?? [];
  // Asked for here because loading it costs every start of the host 4 ms.
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  try {
    return blocks.map((text) => new X509Certificate(text));
  } catch (error) {
    // Whatever OpenSSL has to say about it: it is no certificate.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

const words = "one or more X.509 certificates in PEM, in base64";

export const certificates: Type<string> = base64Of(words, (encoded) => (certificatesIn(encoded)?.length ?? 0) > 0);

/** Blank says that there are none, because in Bottlerocket a setting that was made cannot be unmade. */
export const certificatesOrNone: Type<string> = base64Of(
  words,
  (encoded) => isBlank(encoded) || (certificatesIn(encoded)?.length ?? 0) > 0,
);

function isBlank(encoded: string): boolean {
  return Buffer.from(encoded, "base64").toString("latin1").trim() === "";
}

export const privateKey: Type<string> = base64Of(
  "a private key in PEM without a passphrase, in base64",
  (encoded) => privateKeyIn(encoded) !== undefined,
);

function privateKeyIn(encoded: string): KeyObject | undefined {
  const { createPrivateKey } = process.getBuiltinModule("node:crypto");
  try {
    return createPrivateKey(Buffer.from(encoded, "base64"));
  } catch (error) {
    // Whatever OpenSSL has to say about it: it is no key, or it wants a passphrase.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Whether a key belongs to the first certificate of a bundle; false also for what is neither. */
export function isKeyOf(key: string, bundle: string): boolean {
  const [certificate] = certificatesIn(bundle) ?? [];
  const secret = privateKeyIn(key);
  return certificate !== undefined && secret !== undefined && certificate.checkPrivateKey(secret);
}
