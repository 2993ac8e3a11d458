/**
 * Steps of a build, each kept by the hash of what went into it.
 *
 * A step makes one directory out of its inputs and the code of the module it is written in. It gets its inputs and
 * nothing else, so what it uses is in its key. When the same directory has been made before, it is taken instead.
 * Results are made elsewhere and renamed, so a build that is interrupted leaves nothing half done, and what a killed
 * one left in the work directory the next one removes; nobody writes to a result afterwards. Results that no build has
 * used for a month go.
 */
import { createHash } from "node:crypto";
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { machineClock } from "../lib/clock.ts";
import { isNotFound } from "../lib/failure.ts";
import { formatDuration } from "../lib/duration.ts";
import { say } from "../lib/progress.ts";
import { type Inputs, KeyedDirectory, sortedInputs } from "./inputs.ts";
import { cacheDirectory, markUsed, moveInto, pruneCache, workInCache } from "./packages/cache.ts";
import type { FetchOptions } from "./packages/fetch.ts";
import { sourceHash } from "./source-hash.ts";

/** A step that makes things of a kind, `Subject`: the step of a root makes the root of any variant. */
export type StepDefinition<Subject, Declared extends Inputs> = {
  /** Unique among the steps of an image, with what distinguishes two images: "erofs-dev-x86_64". */
  name: (subject: Subject) => string;
  /** What is going on, for people: "compressing the root". */
  label: (subject: Subject) => string;
  /** The file that the step is written in (`import.meta.path`); its code is an input. */
  module: string;
  /** Everything else that the result depends on. */
  inputs: (subject: Subject) => Declared | Promise<Declared>;
  /**
   * Fills the directory. It is written beside the step and not within a build, where it could see more.
   *
   * @param fetch where downloads come from and are kept, and when to give up: content is checked against hashes of the
   *   inputs, so none of it can change the result
   */
  make: (directory: string, inputs: Declared, fetch: FetchOptions) => Promise<void>;
};

/** The step's result for a subject: the kept one when its inputs were seen before, a new one otherwise. */
export type Step<Subject> = (subject: Subject, fetch: FetchOptions) => Promise<KeyedDirectory>;

/** Older results of the same step, kept so that switching between two branches stays fast. */
const keptPerStep = 3;

export function step<Subject, Declared extends Inputs>(definition: StepDefinition<Subject, Declared>): Step<Subject> {
  return async (subject, fetch) => {
    const inputs = await definition.inputs(subject);
    const name = definition.name(subject);
    const key = await keyOf(name, definition.module, inputs);
    return await keptOrNew(fetch.cache ?? cacheDirectory(), name, key, async (directory) => {
      const startedMs = machineClock.elapsedMs();
      await definition.make(directory, inputs, fetch);
      say(`${definition.label(subject)}: took ${formatDuration((machineClock.elapsedMs() - startedMs) / 1000)}`);
    });
  };
}

async function keyOf(name: string, module: string, inputs: Inputs): Promise<string> {
  return createHash("sha256")
    .update(JSON.stringify([name, await sourceHash(module), sortedInputs(inputs)]))
    .digest("hex");
}

async function keptOrNew(
  cache: string,
  name: string,
  key: string,
  make: (directory: string) => Promise<void>,
): Promise<KeyedDirectory> {
  const folder = join(cache, "steps");
  const result = new KeyedDirectory(join(folder, `${name}-${key.slice(0, 24)}`), key);
  if (await isKept(result.directory)) return result;

  useImageModes();
  {
    await using work = await workInCache(cache);
    await make(work.path);
    await moveInto(result.directory, work);
    await markUsed(result.directory); // its time may be that of a package, whose "/" was unpacked into it
  }
  await forgetOld(folder, name);
  await pruneCache(cache, new Date());
  return result;
}

/**
 * Modes of what a step makes go into images, whoever builds them. The mask is the process's own, and programs that a
 * step starts inherit it; it stays so, for another step may be under way when this one ends.
 */
function useImageModes(): void {
  process.umask(0o022);
}

/** True when the result is there; its time is set to now, as the time of its last use. */
async function isKept(directory: string): Promise<boolean> {
  try {
    const now = new Date();
    await utimes(directory, now, now);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function forgetOld(folder: string, name: string): Promise<void> {
  const results = (await readdir(folder)).filter((entry) => new RegExp(`^${name}-[0-9a-f]{24}$`).test(entry));
  const dated = await Promise.all(
    results.map(async (entry) => ({ entry, usedMs: (await stat(join(folder, entry))).mtimeMs })),
  );
  const old = dated.toSorted((a, b) => b.usedMs - a.usedMs).slice(keptPerStep);
  for (const { entry } of old) await rm(join(folder, entry), { recursive: true, force: true });
}
