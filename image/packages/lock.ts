/**
 * The lock of an architecture: which packages, in which versions, with which hashes, every image and the builder's
 * tools are made from. Committed in `variants/lock/`; it holds paths and hashes, never the name of a host.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import { type Architecture, architectures } from "../../variants/variant.ts";
import { archives } from "./debian/mirror.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const packageSchema = z.strictObject({
  name: z.string().min(1),
  version: z.string().min(1),
  section: z.string(),
  /** The source package, and its version where that differs. */
  source: z.string(),
  sourceVersion: z.string().optional(),
  archive: z.enum(archives),
  path: z.string().regex(/^pool\/(?!.*\.\.)/),
  bytes: z.int().positive(),
  sha256,
});

const lockSchema = z.strictObject({
  format: z.literal(1),
  architecture: z.enum(architectures),
  /** When the newest of the indexes was made: the "now" of everything that is built from this lock. */
  date: z.iso.datetime(),
  /** The date of each suite's index; an update never goes back behind it. */
  suites: z.record(z.string(), z.iso.datetime()),
  /**
   * Names of the packages of each set, with all that they need. Kernels and variants hold what they have beyond "base",
   * and "tools-aarch64" what it has beyond "tools"; all others are whole.
   */
  sets: z.record(z.string(), z.array(z.string())),
  packages: z.array(packageSchema),
});

const remakeHint = "make it anew with `./orlop build --update-lock`";

export type LockedPackage = z.infer<typeof packageSchema>;
export type Lock = z.infer<typeof lockSchema>;

/** The time of all that is built from it, in seconds since 1970. */
export function epochSecondsOf({ date }: Pick<Lock, "date">): number {
  return Math.floor(Date.parse(date) / 1000);
}

/** Where the lock of an architecture is, below the repository's root. */
export function lockPath(architecture: Architecture, root = join(import.meta.dir, "../..")): string {
  return join(root, "variants", "lock", `${architecture}.json`);
}

/** @throws {Failure<"no-lock" | "bad-lock">} */
export async function readLock(architecture: Architecture, path = lockPath(architecture)): Promise<Lock> {
  let text;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (!isNotFound(cause)) throw cause;
    throw new Failure("no-lock", `cannot read ${path}: it does not exist`, {
      hint: "make it with `./orlop build --update-lock`",
    });
  }
  return parseLock(text, path);
}

/** Reads a lock; `where` names it in errors. */
export function parseLock(text: string, where: string): Lock {
  let tree: unknown;
  try {
    tree = parseJson(text);
  } catch (cause) {
    throw new Failure("bad-lock", `cannot read ${where}`, { cause, hint: remakeHint });
  }
  const parsed = lockSchema.safeParse(tree);
  if (!parsed.success) {
    throw new Failure("bad-lock", `cannot read ${where}: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`, {
      hint: remakeHint,
    });
  }
  const lock = parsed.data;
  const known = new Set(lock.packages.map(({ name }) => name));
  for (const [set, names] of Object.entries(lock.sets)) {
    const unknown = names.find((name) => !known.has(name));
    if (unknown !== undefined) {
      throw new Failure("bad-lock", `cannot read ${where}: set ${set} has ${unknown}, which is not among the packages`);
    }
  }
  return lock;
}

export async function writeLock(lock: Lock, path = lockPath(lock.architecture)): Promise<void> {
  await writeFileAtomic(path, formatLock(lock));
}

/** JSON with one package a line, so that a diff shows exactly the packages that moved. */
export function formatLock({ format, architecture, date, suites, sets, packages }: Lock): string {
  const line = (value: unknown): string => JSON.stringify(value);
  const setLines = Object.entries(sets).map(([name, names]) => {
    const members = names.map((item) => `\n      ${line(item)}`).join(",");
    return `    ${line(name)}: [${members}${names.length > 0 ? "\n    " : ""}]`;
  });
  return [
    "{",
    `  "format": ${line(format)},`,
    `  "architecture": ${line(architecture)},`,
    `  "date": ${line(date)},`,
    `  "suites": {`,
    Object.entries(suites)
      .map(([suite, made]) => `    ${line(suite)}: ${line(made)}`)
      .join(",\n"),
    "  },",
    `  "sets": {`,
    setLines.join(",\n"),
    "  },",
    `  "packages": [`,
    packages.map((item) => `    ${line(item)}`).join(",\n"),
    "  ]",
    "}",
    "",
  ].join("\n");
}

/**
 * The packages of several sets together, each once, by name.
 *
 * @throws {Failure<"no-such-set">}
 */
export function packagesOf(lock: Lock, setNames: readonly string[]): LockedPackage[] {
  const names = new Set<string>();
  for (const set of setNames) {
    const members = lock.sets[set];
    if (members === undefined) {
      throw new Failure("no-such-set", `cannot find the packages of ${set} in the lock for ${lock.architecture}`, {
        hint: "add them with `./orlop build --update-lock`",
      });
    }
    for (const name of members) names.add(name);
  }
  return lock.packages.filter(({ name }) => names.has(name));
}
