/**
 * The keys of Secure Boot: who may change which keys a firmware knows (platform key, key exchange key), and who signs
 * what it starts; and the key of what a TPM opens. Each user has their own, made when they are first needed.
 *
 * Variants that let people look inside have a signing key of their own, which is in no firmware that was given those of
 * the others: whoever writes to the ESP of a production machine cannot start a shell there that we have signed ourselves.
 *
 * RSA with 2048 bits because that is what firmware is sure to accept (UEFI specification 2.10, section 32.4).
 */
import { chmod, mkdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { say } from "../../lib/progress.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";

/** Paths of files in PEM; the private key may be one in a token, by its URI (`token.ts`). */
export type SigningKey = { privateKey: string; certificate: string };

export type BootKeys = {
  /** PK: says who may exchange keys. */
  platform: SigningKey;
  /** KEK: says what the firmware starts. */
  exchange: SigningKey;
  /** db: signs boot loader and unified images. */
  image: SigningKey;
  /** Signs which values of PCR 11 are those of our images: what a TPM keeps for this key, it opens for all of them. */
  pcr: SigningKey;
};

/** By the names of their files. */
const subjects = {
  "platform-key": "Orlop platform key",
  "key-exchange-key": "Orlop key exchange key",
  "secure-boot": "Orlop image signing",
  "secure-boot-development": "Orlop image signing for development",
  "pcr-signing": "Orlop PCR signing",
  "pcr-signing-development": "Orlop PCR signing for development",
} as const;
export type KeyName = keyof typeof subjects;

/** Where a user's keys are, unless told otherwise. */
export function defaultKeyDirectory(): string {
  return join(homedir(), ".config", "orlop", "keys");
}

/** The key that signs a variant's images. */
export function imageKeyName({ interactive }: { interactive: boolean }): KeyName {
  return interactive ? "secure-boot-development" : "secure-boot";
}

/** The key that signs what a TPM measures of a variant's images. */
export function pcrKeyName({ interactive }: { interactive: boolean }): KeyName {
  return interactive ? "pcr-signing-development" : "pcr-signing";
}

/** All that an image of a variant needs. */
export async function openBootKeys(
  tools: ToolsRoot,
  variant: { interactive: boolean },
  directory?: string,
): Promise<BootKeys> {
  return {
    platform: await openSigningKey(tools, "platform-key", directory),
    exchange: await openSigningKey(tools, "key-exchange-key", directory),
    image: await openSigningKey(tools, imageKeyName(variant), directory),
    pcr: await openSigningKey(tools, pcrKeyName(variant), directory),
  };
}

/**
 * The key of that name in a directory, made when it is not there.
 *
 * @throws {Failure<"half-a-key">} when only one of private key and certificate is there
 */
export async function openSigningKey(
  tools: ToolsRoot,
  name: KeyName,
  directory = defaultKeyDirectory(),
): Promise<SigningKey> {
  const key = { privateKey: join(directory, `${name}.key`), certificate: join(directory, `${name}.crt`) };
  const [hasKey, hasCertificate] = await Promise.all([isThere(key.privateKey), isThere(key.certificate)]);
  if (hasKey && hasCertificate) return key;
  if (hasKey !== hasCertificate) {
    const [there, missing] = hasKey ? [key.privateKey, key.certificate] : [key.certificate, key.privateKey];
    throw new Failure("half-a-key", `cannot sign: ${missing} is missing, but ${there} is there`, {
      hint: "bring it back from a backup, or remove the other one to get a new key",
    });
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-sha256", "-days", "7300"] as const;
  const extensions = ["extendedKeyUsage=codeSigning", "basicConstraints=critical,CA:FALSE"];
  await runTool(
    tools,
    [
      ...made,
      "-subj",
      `/CN=${subjects[name]}/`,
      ...extensions.flatMap((extension) => ["-addext", extension]),
      "-keyout",
      key.privateKey,
      "-out",
      key.certificate,
    ],
    { binds: [directory] },
  );
  await chmod(key.privateKey, 0o600);
  say(`made a key (${subjects[name]}): ${key.privateKey}`);
  return key;
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
