/** Certificates and keys in PEM, in base64. */
import type { KeyObject, X509Certificate } from "node:crypto";
import { pemOf, readPem } from "./pem-blocks.ts";
import { base64, base64Of } from "./text.ts";
import { secret, typeOf, type Type } from "../model/type.ts";

export type Bundle = { ok: true; certificates: X509Certificate[] } | { ok: false; flaw: string };

/**
 * The certificates of a base64 text, if it holds nothing else.
 *
 * Some readers of a bundle skip what they do not know, others refuse all of it: so nothing else may stand in it.
 */
export function readBundle(encoded: string): Bundle {
  const reading = readPem(Buffer.from(encoded, "base64"));
  if (!reading.ok) return reading;
  if (reading.blocks.length === 0) return { ok: false, flaw: "it has no PEM block" };
  const certificates: X509Certificate[] = [];
  for (const [at, { label, body }] of reading.blocks.entries()) {
    const place = `block ${at + 1}`;
    if (label !== "CERTIFICATE") return { ok: false, flaw: `${place} ${whyNot(label)}` };
    const certificate = certificateOf(body);
    if (certificate === undefined) return { ok: false, flaw: `${place} is no certificate that can be read` };
    certificates.push(certificate);
  }
  return { ok: true, certificates };
}

function whyNot(label: string): string {
  if (label.endsWith("PRIVATE KEY")) return `is a ${label}, which must not lie beside certificates`;
  if (label === "TRUSTED CERTIFICATE")
    return `is a ${label}, which only OpenSSL reads: \`openssl x509\` makes a CERTIFICATE of it`;
  return `is a ${label}, and only a CERTIFICATE is expected`;
}

function certificateOf(body: string): X509Certificate | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) return undefined;
  // Asked for here because loading it costs every start of the host 4 ms.
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  try {
    return new X509Certificate(Buffer.from(body, "base64"));
  } catch (error) {
    // Whatever OpenSSL's error is: it is no certificate.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** The bundle as a file that every reader takes; what an older image accepted and this one cannot read stays as it is. */
export function bundleFile(encoded: string): string {
  const bundle = readBundle(encoded);
  return bundle.ok
    ? bundle.certificates.map(({ raw }) => pemOf("CERTIFICATE", raw)).join("")
    : Buffer.from(encoded, "base64").toString("utf8");
}

const words = "one or more X.509 certificates in PEM, in base64";

export const certificates: Type<string> = bundleType(() => false);

/** Blank says that there are none, because in Bottlerocket a setting that was made cannot be unmade. */
export const certificatesOrNone: Type<string> = bundleType(isBlank);

function bundleType(isFine: (encoded: string) => boolean): Type<string> {
  return typeOf(words, () =>
    base64.schema().superRefine((encoded, context) => {
      const bundle = isFine(encoded) ? undefined : readBundle(encoded);
      if (bundle === undefined || bundle.ok) return;
      context.addIssue({ code: "custom", message: `must be ${words}: ${bundle.flaw}`, input: encoded });
    }),
  );
}

export function isBlank(encoded: string): boolean {
  return Buffer.from(encoded, "base64").toString("latin1").trim() === "";
}

export const privateKey: Type<string> = secret(
  base64Of("a private key in PEM without a passphrase, in base64", (encoded) => privateKeyIn(encoded) !== undefined),
);

function privateKeyIn(encoded: string): KeyObject | undefined {
  const { createPrivateKey } = process.getBuiltinModule("node:crypto");
  try {
    return createPrivateKey(Buffer.from(encoded, "base64"));
  } catch (error) {
    // Whatever OpenSSL's error is: it is no key, or it wants a passphrase.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Whether a key belongs to the first certificate of a bundle; false also for what is neither. */
export function isKeyOf(key: string, encoded: string): boolean {
  const bundle = readBundle(encoded);
  const [certificate] = bundle.ok ? bundle.certificates : [];
  const secret = privateKeyIn(key);
  return certificate !== undefined && secret !== undefined && certificate.checkPrivateKey(secret);
}

/** The subject on one line that no reader of PEM could take for more. */
export function subjectLine(subject: string | undefined): string {
  return (subject ?? "")
    .replaceAll("\n", ", ")
    .replaceAll(/[^ -~]/g, "?")
    .replaceAll("--", "-");
}
