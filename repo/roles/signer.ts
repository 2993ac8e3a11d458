/**
 * Who signs: the seam between the repository and wherever a private key lives.
 *
 * Keys come from PEM files now. A key management service needs another `Signer` whose `sign` asks the service; it gets
 * its own scheme in `signerFrom`.
 */
import { constants, createPrivateKey, sign, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { canonicalize } from "@tufjs/canonical-json";
import {
  Signature,
  type Key,
  type Metadata,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from "@tufjs/models";
import { Failure } from "../../lib/failure.ts";
import { tufKey } from "./key.ts";

export type Signer = {
  readonly key: Key;
  /** The signature of `bytes` in the key's scheme. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
};

/**
 * @param location a path, or `file:PATH`
 * @throws {Failure<"no-such-key-file" | "bad-key" | "unsupported-key" | "unsupported-signer">}
 */
export async function signerFrom(location: string): Promise<Signer> {
  const scheme = /^([a-z][a-z0-9+-]+):/.exec(location)?.[1];
  if (scheme !== undefined && scheme !== "file") {
    throw new Failure("unsupported-signer", `cannot sign with ${location}: there is no signer for "${scheme}:"`, {
      hint: "name a PEM file",
    });
  }
  const path = location.replace(/^file:(\/\/)?/, "");
  let pem: string;
  try {
    pem = await readFile(path, "utf8");
  } catch (cause) {
    throw new Failure("no-such-key-file", `cannot read the key ${path}`, { cause });
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new Failure("bad-key", `cannot use the key ${path}: it is not a private key in PEM`, { cause });
  }
  return signerOf(key);
}

/** A signer that holds its private key in memory. */
export function signerOf(privateKey: KeyObject): Signer {
  const key = tufKey(privateKey);
  return {
    key,
    sign: async (bytes) =>
      key.keyType === "rsa"
        ? sign("sha256", bytes, {
            key: privateKey,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
          })
        : sign(key.keyType === "ecdsa" ? "sha256" : null, bytes, privateKey),
  };
}

/** Adds the signatures of all `signers` to `metadata`, over its canonical JSON (TUF §4.2.1). */
export async function signMetadata(
  metadata: Metadata<Root> | Metadata<Snapshot> | Metadata<Targets> | Metadata<Timestamp>,
  signers: readonly Signer[],
): Promise<void> {
  const bytes = Buffer.from(canonicalize(metadata.signed.toJSON()));
  for (const signer of signers) {
    const signature = await signer.sign(bytes);
    metadata.sign(() => new Signature({ keyID: signer.key.keyID, sig: Buffer.from(signature).toString("hex") }));
  }
}
