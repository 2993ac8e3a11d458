/**
 * Keys of the update repository, as TUF knows them.
 *
 * TUF specification 1.0.33, §4.2: a key is {keytype, scheme, keyval}; its id is the SHA-256 of that in canonical JSON.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { canonicalize } from "@tufjs/canonical-json";
import { Key } from "@tufjs/models";
import { Failure } from "../../lib/failure.ts";

export const keyTypes = ["ed25519", "ecdsa", "rsa"] as const;
export type KeyType = (typeof keyTypes)[number];

/** The TUF form of the public half of `key`. @throws {Failure<"unsupported-key">} */
export function tufKey(key: KeyObject): Key {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString().trimEnd();
  switch (publicKey.asymmetricKeyType) {
    case "ed25519": {
      const der = publicKey.export({ type: "spki", format: "der" });
      return identified("ed25519", "ed25519", der.subarray(-32).toString("hex")); // RFC 8410: the key is the last 32 bytes
    }
    case "ec":
      if (publicKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") break;
      return identified("ecdsa", "ecdsa-sha2-nistp256", pem);
    case "rsa":
      if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) break;
      return identified("rsa", "rsassa-pss-sha256", pem);
    default:
  }
  throw new Failure("unsupported-key", `cannot use a key of type ${publicKey.asymmetricKeyType ?? "unknown"}`, {
    hint: "use Ed25519, ECDSA on P-256, or RSA with at least 2048 bits",
  });
}

/** A new private key as PKCS #8 PEM. */
export function generateKeyPem(type: KeyType): string {
  const { privateKey } =
    type === "ed25519"
      ? generateKeyPairSync("ed25519")
      : type === "ecdsa"
        ? generateKeyPairSync("ec", { namedCurve: "prime256v1" })
        : generateKeyPairSync("rsa", { modulusLength: 3072 });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

function identified(keyType: string, scheme: string, publicValue: string): Key {
  const keyVal = { public: publicValue };
  const keyID = createHash("sha256")
    .update(canonicalize({ keytype: keyType, scheme, keyval: keyVal }))
    .digest("hex");
  return new Key({ keyID, keyType, scheme, keyVal });
}
