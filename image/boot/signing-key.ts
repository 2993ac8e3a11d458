/**
 * The key that signs boot loader and unified images for Secure Boot: one for each user, made when it is first needed.
 *
 * RSA with 2048 bits because that is what firmware is sure to accept (UEFI specification 2.10, section 32.4).
 */
import { chmod, mkdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { say } from "../../lib/progress.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";

export type SigningKey = { directory: string; privateKey: string; certificate: string };

/** Where a user's keys are by default. */
export function defaultKeyDirectory(): string {
  return join(homedir(), ".config", "orlop", "keys");
}

/** Where the files of a key are. */
export function keyIn(directory: string): SigningKey {
  return {
    directory,
    privateKey: join(directory, "secure-boot.key"),
    certificate: join(directory, "secure-boot.crt"),
  };
}

/**
 * The key in a directory, made when the directory has none.
 *
 * @throws {Failure<"half-a-key">} when only one of private key and certificate is there
 */
export async function openSigningKey(tools: ToolsRoot, directory = defaultKeyDirectory()): Promise<SigningKey> {
  const key = keyIn(directory);
  const [hasKey, hasCertificate] = await Promise.all([isThere(key.privateKey), isThere(key.certificate)]);
  if (hasKey && hasCertificate) return key;
  if (hasKey !== hasCertificate) {
    const [there, missing] = hasKey ? [key.privateKey, key.certificate] : [key.certificate, key.privateKey];
    throw new Failure("half-a-key", `cannot sign: ${missing} is missing, but ${there} is there`, {
      hint: "bring it back from a backup, or remove the other one to get a new key",
    });
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await runTool(
    tools,
    [
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-noenc",
      "-sha256",
      "-days",
      "7300",
      "-subj",
      "/CN=Orlop image signing/",
      "-addext",
      "extendedKeyUsage=codeSigning",
      "-addext",
      "basicConstraints=critical,CA:FALSE",
      "-keyout",
      key.privateKey,
      "-out",
      key.certificate,
    ],
    { binds: [directory] },
  );
  await chmod(key.privateKey, 0o600);
  say(`made a key to sign images with: ${key.privateKey}`);
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
