/** What is known before the first step of an image: what it is to be, and what it is made from. */
import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { Failure, isNotFound } from "../lib/failure.ts";
import { variants } from "../variants/all.ts";
import type { Architecture, Variant } from "../variants/variant.ts";
import { formatVariantRecord } from "../variants/variant-record.ts";
import type { Additions } from "./additions/additions.ts";
import { openBootKeys, type SigningKey } from "./boot/signing-key.ts";
import { isToken } from "./boot/token.ts";
import { checkVersion } from "./commit.ts";
import { type InputFile, inputFile, inputTools, KeyedDirectory } from "./inputs.ts";
import type { FetchOptions } from "./packages/fetch.ts";
import { epochSecondsOf, type Lock, readLock } from "./packages/lock.ts";
import type { ImageIdentity } from "./root/os-release.ts";

/** The names that the host's executable is known by: itself and links (`host/names.ts`). */
export type HostNames = { executable: string; links: readonly string[] };

export type PlanOptions = {
  /** "0.1.0" */
  version: string;
  /** As from `commitOf`. */
  commit: string;
  /** The host's executable, compiled for the architecture (`programs/compile.ts`). */
  hostBinary: string;
  hostNames: HostNames;
  /** Directory of the keys of Secure Boot; the user's own when absent. */
  keys?: string;
  /** Signs the image instead of the one in that directory. */
  signingKey?: SigningKey;
  /** Signs what a TPM measures of the image, instead of the one in that directory. */
  pcrSigningKey?: SigningKey;
  /** Path of a certificate in PEM: kernel modules that its key has signed are loaded under lockdown. */
  moduleCertificate?: string;
  lock?: Lock;
  /** A root role (root.json) of the update repository that hosts shall trust; without it they take no updates. */
  updateRoot?: string;
  /** Of a variant of somebody's own. */
  additions?: Additions;
};

/** The private key is a file, or the URI of one in a token. */
export type KeyInput = { privateKey: InputFile | string; certificate: InputFile };

/** Each step declares which of it are its inputs. */
export type ImagePlan = {
  variant: Variant;
  architecture: Architecture;
  version: string;
  commit: string;
  lock: Lock;
  /** The lock's time is the "now" of everything in the image. */
  epochSeconds: number;
  tools: KeyedDirectory;
  bootKeys: { platform: KeyInput; exchange: KeyInput; image: KeyInput; pcr: KeyInput };
  /** With what signing for a TPM takes, and what keys in tokens need, where there are any. */
  signingTools: KeyedDirectory;
  /** Of the key that signs kernel modules, where there is one. */
  moduleCertificate: InputFile | undefined;
  hostBinary: InputFile;
  hostNames: HostNames;
  updateRoot: InputFile | undefined;
  /** What the image has beyond the packages of the lock, when its variant is somebody's own. */
  additions: Additions | undefined;
  /** What the image says of its variant, when that is not one of the table as it stands there. */
  variantRecord: string | undefined;
};

/**
 * @throws {Failure<"variant-lacks">} when the variant cannot be built yet, or not for that architecture
 * @throws {Failure<"no-host-binary" | "no-such-file">}
 */
export async function planImage(
  variant: Variant,
  architecture: Architecture,
  {
    version,
    commit,
    hostBinary,
    hostNames,
    keys,
    signingKey,
    pcrSigningKey,
    moduleCertificate,
    lock: chosenLock,
    updateRoot,
    additions,
  }: PlanOptions,
  fetch: FetchOptions,
): Promise<ImagePlan> {
  requireBuildable(variant, architecture);
  await requireFile(hostBinary);
  const lock = chosenLock ?? (await readLock(architecture));
  const tools = await inputTools(fetch);
  return {
    variant,
    architecture,
    version: checkVersion(version),
    commit,
    lock,
    epochSeconds: epochSecondsOf(lock),
    tools,
    ...(await inputKeys(tools, variant, { keys, signingKey, pcrSigningKey }, fetch)),
    moduleCertificate: moduleCertificate === undefined ? undefined : await certificateInput(moduleCertificate),
    hostBinary: await inputFile(hostBinary),
    hostNames,
    updateRoot: updateRoot === undefined ? undefined : await inputFile(updateRoot),
    additions,
    variantRecord: variants.get(variant.name) === variant ? undefined : formatVariantRecord(variant),
  };
}

/** What the image says it is, and nothing else of the variant. */
export function identityOf({ variant: { name }, architecture, version, commit }: ImageIdentity): ImageIdentity {
  return { variant: { name }, architecture, version, commit };
}

function requireBuildable({ name, lacks, architectures }: Variant, architecture: Architecture): void {
  if (lacks !== undefined) throw new Failure("variant-lacks", `cannot build ${name} yet: ${lacks}`);
  if (architectures.includes(architecture)) return;
  const supported = architectures.join(", ");
  throw new Failure("variant-lacks", `cannot build ${name} for ${architecture}: it is for ${supported}`);
}

async function requireFile(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  throw new Failure("no-host-binary", `cannot build an image: the host's executable ${path} does not exist`, {
    hint: "compile it first (programs/compile.ts)",
  });
}

/** @throws {Failure<"bad-certificate" | "no-such-file">} */
async function certificateInput(path: string): Promise<InputFile> {
  const file = await inputFile(path);
  try {
    new X509Certificate(await readFile(path));
  } catch (cause) {
    throw new Failure("bad-certificate", `cannot build an image that trusts ${path}: it is no certificate in PEM`, {
      cause,
      hint: "make a key with `openssl req -x509 -newkey rsa:4096 -noenc -sha256 -subj /CN=modules/ -keyout modules.key -out modules.crt`",
    });
  }
  return file;
}

async function inputKeys(
  tools: KeyedDirectory,
  variant: Variant,
  {
    keys: directory,
    signingKey,
    pcrSigningKey,
  }: { keys: string | undefined; signingKey: SigningKey | undefined; pcrSigningKey: SigningKey | undefined },
  fetch: FetchOptions,
): Promise<Pick<ImagePlan, "bootKeys" | "signingTools">> {
  if ((signingKey !== undefined || pcrSigningKey !== undefined) && variant.interactive) {
    throw new Failure("wrong-key", `cannot sign ${variant.name} with a chosen key: whoever boots it gets a shell`, {
      hint: "it is signed by a key of its own, which no machine in production should have enrolled",
    });
  }
  const { image, pcr, ...owners } = await openBootKeys(tools, variant, directory);
  const keys = { ...owners, image: signingKey ?? image, pcr: pcrSigningKey ?? pcr };
  const hasToken = Object.values(keys).some(({ privateKey }) => isToken(privateKey));
  return {
    bootKeys: {
      platform: await keyInput(keys.platform),
      exchange: await keyInput(keys.exchange),
      image: await keyInput(keys.image),
      pcr: await keyInput(keys.pcr),
    },
    signingTools: await inputTools({ ...fetch, sets: ["tools", "policy", ...(hasToken ? ["token"] : [])] }),
  };
}

async function keyInput({ privateKey, certificate }: SigningKey): Promise<KeyInput> {
  return {
    privateKey: isToken(privateKey) ? privateKey : await inputFile(privateKey),
    certificate: await inputFile(certificate),
  };
}

/** As the programs that sign take it. */
export function signingKeyOf({ privateKey, certificate }: KeyInput): SigningKey {
  return { privateKey: typeof privateKey === "string" ? privateKey : privateKey.path, certificate: certificate.path };
}
