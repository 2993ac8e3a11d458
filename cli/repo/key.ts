/** `./orlop repo key …` and `./orlop repo root …`: who may sign what. Every change is a new version of the root role. */
import { createPublicKey } from "node:crypto";
import { open } from "node:fs/promises";
import type { Key } from "@tufjs/models";
import type { TextOption } from "../../lib/command/command.ts";
import { Failure, systemErrorCode } from "../../lib/failure.ts";
import { generateKeyPem, keyTypes, tufKey } from "../../repo/roles/key.ts";
import { newestRoot } from "../../repo/repository.ts";
import { rotateRoot } from "../../repo/root-chain.ts";
import { roleNames, withKey, withoutKey, withThreshold, type RootContent } from "../../repo/roles/root-role.ts";
import { signerFrom } from "../../repo/roles/signer.ts";
import {
  directory, opened, parseCount, readText, repoCommand, rootKeyOption, signersFrom, signingFrom, signingOptions,
} from "./context.ts"; // prettier-ignore

const role = {
  type: "text",
  value: "ROLE",
  help: "A role the key is for",
  choices: roleNames,
  many: true,
  required: true,
} as const satisfies TextOption;

const rotationOptions = { "root-key": rootKeyOption, ...signingOptions } as const;

export const keyGenerate = repoCommand({
  name: "repo key generate",
  summary: "Write a new private key to a file that only you can read",
  examples: [{ run: "./orlop repo key generate root.pem", description: "an Ed25519 key" }],
  arguments: { file: { value: "FILE", help: "Where; it must not exist", complete: "files" } },
  options: { type: { type: "text", value: "TYPE", help: "Kind of key", choices: keyTypes, default: "ed25519" } },
  async run(_context, { file, type }) {
    try {
      await using handle = await open(file, "wx", 0o600);
      await handle.writeFile(generateKeyPem(type));
      await handle.sync();
    } catch (cause) {
      if (systemErrorCode(cause) !== "EEXIST") throw cause;
      throw new Failure("file-exists", `cannot write a key to ${file}: it exists`, { cause });
    }
    return { file, type, keyId: (await signerFrom(file)).key.keyID };
  },
  print: ({ file, type, keyId }) => `made the ${type} key ${keyId} in ${file}`,
});

export const keyId = repoCommand({
  name: "repo key id",
  summary: "Print the id of a key",
  examples: [{ run: "./orlop repo key id publication.pem", description: "as `key remove` takes it" }],
  arguments: { file: { value: "FILE", help: "A private or public key in PEM", complete: "files" } },
  run: async (_context, { file }) => (await publicKey(file)).keyID,
});

export const keyAdd = repoCommand({
  name: "repo key add",
  summary: "Let another key sign for roles",
  examples: [
    {
      run: "./orlop repo key add updates new.pem --role root --root-key old.pem --root-key new.pem --key pub.pem",
      description: "a second root key",
    },
  ],
  arguments: { directory, file: { value: "FILE", help: "The key, private or public, in PEM", complete: "files" } },
  options: { role, ...rotationOptions },
  async run(_context, values) {
    const key = await publicKey(values.file);
    return await rotated(values, (content) => withKey(content, values.role, key));
  },
  print: describeRoot,
});

export const keyRemove = repoCommand({
  name: "repo key remove",
  summary: "Take a key's right to sign for roles away",
  examples: [
    {
      run: "./orlop repo key remove updates 3f2a… --role timestamp --root-key root.pem --key pub.pem",
      description: "ids as `./orlop repo show` prints them; the first letters are enough",
    },
  ],
  arguments: { directory, id: { value: "KEYID", help: "The key's id, or the first 8 letters of it or more" } },
  options: { role, ...rotationOptions },
  run: async (_context, values) =>
    await rotated(values, (content) =>
      values.role.reduce((each, name) => withoutKey(each, [name], idIn(each, name, values.id)), content),
    ),
  print: describeRoot,
});

export const keyRotate = repoCommand({
  name: "repo key rotate",
  summary: "Replace a key by another one in all its roles, in one step",
  examples: [
    {
      run: "./orlop repo key rotate updates --old pub.pem --new pub2.pem --root-key root.pem --key pub2.pem",
      description: "hosts that were away for years follow, version by version",
    },
  ],
  arguments: { directory },
  options: {
    old: { type: "text", value: "FILE", help: "The key that leaves, private or public", required: true },
    new: { type: "text", value: "FILE", help: "The key that takes its place", required: true },
    ...rotationOptions,
  },
  async run(_context, values) {
    const [old, next] = [await publicKey(values.old), await publicKey(values.new)];
    return await rotated(values, (content) => {
      const roles = roleNames.filter((name) => content.roles[name].keys.some((key) => key.keyID === old.keyID));
      if (roles.length === 0) {
        throw new Failure("key-not-in-role", `cannot rotate ${values.old}: key ${old.keyID} has no role`);
      }
      return withKey(withoutKey(content, roles, old.keyID), roles, next);
    });
  },
  print: describeRoot,
});

export const rootThreshold = repoCommand({
  name: "repo root threshold",
  summary: "Say how many keys of a role must sign",
  examples: [
    {
      run: "./orlop repo root threshold updates 2 --role root --root-key r1.pem --root-key r2.pem --key pub.pem",
      description: "no single root key is enough any more",
    },
  ],
  arguments: { directory, threshold: { value: "N", help: "How many", parse: parseCount } },
  options: { role, ...rotationOptions },
  run: async (_context, values) =>
    await rotated(values, (content) => withThreshold(content, values.role, values.threshold)),
  print: describeRoot,
});

export const rootRenew = repoCommand({
  name: "repo root renew",
  summary: "Sign the same root role anew, with a later expiration",
  examples: [{ run: "./orlop repo root renew updates --root-key root.pem --key pub.pem", description: "once a year" }],
  arguments: { directory },
  options: rotationOptions,
  run: async (_context, values) => await rotated(values, (content) => content),
  print: describeRoot,
});

type Rotation = {
  readonly directory: string;
  readonly "root-key": readonly string[];
  readonly key: readonly string[];
  readonly expirations: string | undefined;
};

async function rotated(
  values: Rotation,
  change: (content: RootContent) => RootContent,
): Promise<{ version: number; expires: string }> {
  const repository = await rotateRoot(
    await opened(values),
    change,
    await signersFrom(values["root-key"]),
    await signingFrom(values),
  );
  const { version, expires } = newestRoot(repository).signed;
  return { version, expires };
}

function describeRoot({ version, expires }: { version: number; expires: string }): string {
  return `signed root version ${version}, which expires at ${expires}`;
}

/** @throws {Failure<"bad-key">} */
async function publicKey(file: string): Promise<Key> {
  const pem = await readText(file);
  try {
    return tufKey(createPublicKey(pem)); // a private key gives its public half
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("bad-key", `cannot use the key ${file}: it is no key in PEM`, { cause });
  }
}

/** @throws {Failure<"key-not-in-role">} when no key or several keys begin so */
function idIn(content: RootContent, name: (typeof roleNames)[number], start: string): string {
  const ids = content.roles[name].keys.map((key) => key.keyID);
  const found = start.length < 8 ? ids.filter((id) => id === start) : ids.filter((id) => id.startsWith(start));
  const [only, ...rest] = found;
  if (only !== undefined && rest.length === 0) return only;
  throw new Failure("key-not-in-role", `cannot tell which key of the role ${name} is meant by "${start}"`, {
    hint: `its keys: ${ids.join(", ")}`,
  });
}
