/**
 * The signature partition of a disk image: who vouches for the root hash of its file system.
 *
 * JSON behind which nothing but zeros comes. The signature is a PKCS #7 message without certificates and signed attributes over
 * the root hash in hexadecimal digits. Source: Discoverable Partitions Specification, "Verity Signature".
 */
import { verify, X509Certificate } from "node:crypto";
import { z } from "zod";
import { Failure } from "./failure.ts";
import { parseJson } from "./text/json.ts";

const signatureSchema = z.object({
  rootHash: z.string().regex(/^[0-9a-f]{64}$/),
  /** SHA-256 of the certificate, in DER. */
  certificateFingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  /** In base64. */
  signature: z.base64(),
});
export type VeritySignature = z.infer<typeof signatureSchema>;

/** As systemd-repart makes it. */
export const signatureBytes = 16 * 1024;

export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

/** The content of the partition. */
export function veritySignature(rootHash: string, certificate: X509Certificate, message: Uint8Array): Buffer {
  const signature: VeritySignature = {
    rootHash,
    certificateFingerprint: fingerprintOf(certificate),
    signature: Buffer.from(message).toString("base64"),
  };
  const content = Buffer.alloc(signatureBytes);
  content.write(JSON.stringify(signature));
  return content;
}

/**
 * The root hash that a certificate's key has signed.
 *
 * The message's last value is the signature itself, as long as the key. Whatever stands before it is not looked at: nothing is
 * accepted but a signature of that key over the digits.
 *
 * @throws {Failure<"bad-signature-partition">} for what has another form
 * @throws {Failure<"signed-by-another">}
 */
export function signedRootHash(content: Buffer, certificate: X509Certificate): string {
  const { rootHash, certificateFingerprint, signature } = parse(content);
  const expected = fingerprintOf(certificate);
  if (certificateFingerprint !== expected) {
    throw new Failure(
      "signed-by-another",
      `it is signed by the key with the certificate ${certificateFingerprint.slice(0, 16)}…, not by the image's, ${expected.slice(0, 16)}…`,
    );
  }
  const { modulusLength } = certificate.publicKey.asymmetricKeyDetails ?? {};
  const message = Buffer.from(signature, "base64");
  const isSigned =
    modulusLength !== undefined &&
    verify("sha256", Buffer.from(rootHash), certificate.publicKey, message.subarray(-modulusLength / 8));
  if (isSigned) return rootHash;
  throw new Failure("signed-by-another", "its signature is not that of the image's key over its root hash");
}

function parse(content: Buffer): VeritySignature {
  const end = content.indexOf(0);
  try {
    return signatureSchema.parse(parseJson(content.toString("utf8", 0, end < 0 ? content.length : end)));
  } catch (cause) {
    throw new Failure("bad-signature-partition", "its signature cannot be read", { cause });
  }
}
