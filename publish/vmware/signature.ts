/** What vouches for an OVF package: the manifest with the hashes of its files, and a signature of the manifest. */
import { sign, X509Certificate, createPrivateKey } from "node:crypto";
import { Failure } from "../../lib/failure.ts";

export type PackageFile = { name: string; sha256: string };

/** Source: DSP0243 1.1, section 5.1, which has SHA-1; VMware's OVF tool writes and takes SHA-256 in its place. */
export function manifestOf(files: readonly PackageFile[]): string {
  return files.map(({ name, sha256 }) => `SHA256(${name})= ${sha256}\n`).join("");
}

/**
 * The file that signs the manifest: the signature in hexadecimal, then the certificate.
 *
 * @param signer in PEM
 * @throws {Failure<"wrong-certificate">} when the certificate is not that of the key
 */
export function certificateFile(
  manifest: { name: string; text: string },
  signer: { key: string; certificate: string },
): string {
  const key = createPrivateKey(signer.key);
  const certificate = new X509Certificate(signer.certificate);
  if (!certificate.checkPrivateKey(key)) {
    throw new Failure(
      "wrong-certificate",
      `cannot sign ${manifest.name}: the certificate of ${certificate.subject} is not that of the key`,
    );
  }
  const signature = sign("sha256", Buffer.from(manifest.text), key).toString("hex");
  return `SHA256(${manifest.name})= ${signature}\n${certificate.toString()}`;
}
