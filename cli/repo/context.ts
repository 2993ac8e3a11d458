/** What the verbs of `./orlop repo` share: which repository, which machines, who signs. */
import { readFile } from "node:fs/promises";
import {
  commandsWith,
  type Argument,
  type Invocation,
  type Options,
  type TextOption,
} from "../../lib/command/command.ts";
import { Failure } from "../../lib/failure.ts";
import { defaultExpirations, parseExpirationPolicy } from "../../repo/roles/expiration.ts";
import { usualSources } from "../../repo/patch/smaller-ways.ts";
import { openRepository, type Repository } from "../../repo/repository.ts";
import { signerFrom, type Signer } from "../../repo/roles/signer.ts";
import type { Signing } from "../../repo/tree.ts";
import { Version } from "../../repo/version.ts";
import { architectures } from "../../variants/variant.ts";

export type RepoContext = { readonly invocation: Invocation };
export const repoCommand = commandsWith<RepoContext>();

export const directory = {
  value: "DIRECTORY",
  help: "The repository",
  complete: "files",
} as const satisfies Argument;

export const version = {
  value: "VERSION",
  help: "A version of the OS, for example 1.2.3",
  parse: parseVersion,
} as const satisfies Argument;

export const machinesOptions = {
  variant: { type: "text", value: "NAME", help: "For hosts of this variant", required: true },
  arch: { type: "text", value: "ARCH", help: "And this architecture", choices: architectures, default: "x86_64" },
} as const satisfies Options;

export const signingOptions = {
  key: {
    type: "text",
    value: "FILE",
    help: "Private key that signs targets, snapshot and timestamp",
    required: true,
    many: true,
    complete: "files",
  },
  expirations: {
    type: "text",
    value: "FILE",
    help: "TOML of how long each role lives: root, targets, snapshot, timestamp",
    complete: "files",
  },
} as const satisfies Options;

export const patchOptions = {
  "patches-from": {
    type: "text",
    value: "COUNT",
    help: "Make patches from so many of the versions before it",
    default: String(usualSources),
    parse: parseNumber,
  },
} as const satisfies Options;

export const rootKeyOption = {
  type: "text",
  value: "FILE",
  help: "Private key that signs the root role; a rotation needs the old ones and the new ones",
  required: true,
  many: true,
  complete: "files",
} as const satisfies TextOption;

/** @throws {Failure<"bad-version">} */
export function parseVersion(text: string): string {
  if (Version.safeParse(text).success) return text;
  throw new Failure("bad-version", `a version such as 1.2.3 is expected, not "${text}"`);
}

/** A whole number of 1 or more. @throws {Failure<"bad-number">} */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new Failure("bad-number", `a whole number of 1 or more is expected, not "${text}"`);
}

/** The same, or 0. @throws {Failure<"bad-number">} */
export function parseNumber(text: string): number {
  if (text === "0") return 0;
  return parseCount(text);
}

/** Every key in order; a file that was named twice signs once. */
export async function signersFrom(files: readonly string[]): Promise<Signer[]> {
  const signers: Signer[] = [];
  for (const file of files) {
    const signer = await signerFrom(file);
    if (!signers.some((known) => known.key.keyID === signer.key.keyID)) signers.push(signer);
  }
  return signers;
}

export async function signingFrom(values: {
  readonly key: readonly string[];
  readonly expirations: string | undefined;
}): Promise<Signing> {
  return {
    signers: await signersFrom(values.key),
    expirations:
      values.expirations === undefined
        ? defaultExpirations
        : parseExpirationPolicy(await readText(values.expirations), values.expirations),
    now: new Date(),
  };
}

export async function opened(values: { readonly directory: string }): Promise<Repository> {
  return await openRepository(values.directory);
}

/** @throws {Failure<"no-such-file">} */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Failure("no-such-file", `cannot read ${path}`, { cause });
  }
}
