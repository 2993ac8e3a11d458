/**
 * Steps of a build, each kept by the hash of what went into it.
 *
 * A step makes one directory out of its inputs and the code of the module it is written in. When the same directory
 * has been made before, it is taken instead. Results are made elsewhere and renamed, so a build that is interrupted
 * leaves nothing half done, and what a killed one left in the work directory the next one removes; nobody writes to a
 * result afterwards. Results that no build has used for a month go.
 */
import { createHash } from "node:crypto";
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { machineClock } from "../lib/clock.ts";
import { isNotFound } from "../lib/failure.ts";
import { formatDuration } from "../lib/duration.ts";
import { say } from "../lib/progress.ts";
import { moveInto, pruneCache, workInCache } from "./packages/cache.ts";
import { sourceHash } from "./source-hash.ts";

export type Step = {
  /** Unique among the steps of an image, with whatever tells two images apart: "erofs-dev-x86_64". */
  name: string;
  /** What is going on, for people: "compressing the root". */
  says: string;
  /** The file that the step is written in (`import.meta.path`); its code is an input. */
  module: string;
  /** Everything else that the result depends on, as text or hash. */
  inputs: Readonly<Record<string, string | number | readonly string[]>>;
  /** Fills the directory. */
  make(directory: string): Promise<void>;
};

/** A result of a step. */
export type Made = {
  directory: string;
  /** Identifies the content: an input for the steps that build on it. */
  key: string;
};

/** Older results of the same step, kept so that switching between two branches stays fast. */
const keptPerStep = 3;

/** The step's result: the kept one when its inputs were seen before, a new one otherwise. */
export async function runStep(cache: string, step: Step): Promise<Made> {
  const key = await keyOf(step);
  const folder = join(cache, "steps");
  const directory = join(folder, `${step.name}-${key.slice(0, 24)}`);
  if (await isKept(directory)) return { directory, key };

  const startedMs = machineClock.elapsedMs();
  {
    await using work = await workInCache(cache);
    await step.make(work.path);
    await moveInto(directory, work);
  }
  say(`${step.says}: took ${formatDuration((machineClock.elapsedMs() - startedMs) / 1000)}`);
  await forgetOld(folder, step.name);
  await pruneCache(cache, new Date());
  return { directory, key };
}

async function keyOf({ name, module, inputs }: Step): Promise<string> {
  const sorted = Object.entries(inputs).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([name, await sourceHash(module), sorted]))
    .digest("hex");
}

/** True when the result is there; says by its time that it was used. */
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
