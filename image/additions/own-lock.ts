/**
 * The lock of a variant of somebody's own: the Debian packages that it has beyond those of its base, in versions and by
 * hashes, in a file beside the variant's.
 */
import { extname } from "node:path";
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import { readRecord } from "../../lib/files/record.ts";
import { type Architecture, architectures, type Variant } from "../../variants/variant.ts";
import type { FetchOptions } from "../packages/fetch.ts";
import { type LockedPackage, packageSchema, readLock } from "../packages/lock.ts";
import { packagesBeyond } from "../packages/update-lock.ts";

const ownLockSchema = z.strictObject({
  format: z.literal(1),
  architecture: z.enum(architectures),
  /** The names that were asked for. */
  wanted: z.array(z.string()),
  packages: z.array(packageSchema),
});

const makeHint = "make it with `./orlop build --variant-file FILE --update-lock`";

/** "edge.toml" has "edge.lock-x86_64.json". */
export function ownLockPath(variantFile: string, architecture: Architecture): string {
  return `${variantFile.slice(0, -extname(variantFile).length)}.lock-${architecture}.json`;
}

/** @throws {Failure<"no-lock">} when it is not there, or was made for other packages */
export async function readOwnLock(
  variantFile: string,
  wanted: readonly string[],
  architecture: Architecture,
): Promise<readonly LockedPackage[]> {
  if (wanted.length === 0) return [];
  const path = ownLockPath(variantFile, architecture);
  const lock = await readRecord(path, ownLockSchema, makeHint);
  if (lock === undefined) throw new Failure("no-lock", `cannot read ${path}: it does not exist`, { hint: makeHint });
  if (lock.wanted.join() === wanted.join() && lock.architecture === architecture) return lock.packages;
  throw new Failure(
    "no-lock",
    `cannot use ${path}: it has ${lock.wanted.join(", ")}, and ${variantFile} wants ${wanted.join(", ")}`,
    {
      hint: makeHint,
    },
  );
}

/**
 * Resolves what the variant wants beyond its base against the archive as it is now, and writes the lock.
 *
 * @returns a line for each package
 */
export async function updateOwnLock(
  variantFile: string,
  { base, wanted }: { base: Variant; wanted: readonly string[] },
  architecture: Architecture,
  options: FetchOptions,
): Promise<string[]> {
  const sets = ["base", `kernel-${base.kernel}`, ...(base.packages.length === 0 ? [] : [base.name])];
  const packages = await packagesBeyond(await readLock(architecture), sets, wanted, options);
  const written: z.input<typeof ownLockSchema> = { format: 1, architecture, wanted: [...wanted], packages };
  await writeFileAtomic(ownLockPath(variantFile, architecture), `${JSON.stringify(written, undefined, 2)}\n`);
  return packages.map(({ name, version }) => `${architecture}: ${name} ${version}`);
}
