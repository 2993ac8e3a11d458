/**
 * What user data says: documents from every place, checked one by one and then together.
 *
 * Nothing of a document that is wrong is applied. A setting that needs another one is the fault of the last document
 * that says something about it.
 */
import type { Json } from "../../lib/text/json.ts";
import { placeOf } from "../../lib/text/places.ts";
import { readDocument } from "../../settings/document/document.ts";
import { splitKey } from "../../settings/model/key.ts";
import type { Model, SettingsTree } from "../../settings/model/model.ts";
import type { Problem } from "../../settings/model/problem.ts";
import type { Variant } from "../../variants/variant.ts";
import type { System } from "../machine/system.ts";
import { placesOf } from "./sources.ts";
import type { UserData } from "./source.ts";

export type UserDataResult = {
  values: ReadonlyMap<string, Json>;
  /** The places whose documents are applied. */
  from: string[];
  /** Each begins with the place it is about. */
  problems: Problem[];
};

type Reading = {
  from: string;
  values: Map<string, Json>;
  /** Adds line and column. */
  where: (problem: Problem) => Problem;
};
type Read =
  | { ok: true; value: SettingsTree; warnings: Problem[]; where: Reading["where"] }
  | { ok: false; problems: Problem[] };

export async function readUserData(
  { system, variant, model }: { system: System; variant: Variant; model: Model },
  signal: AbortSignal,
): Promise<UserDataResult> {
  const problems: Problem[] = [];
  const readings: Reading[] = [];
  for (const place of await placesOf(system, variant)) {
    let pieces: UserData[];
    try {
      pieces = await place.read(system, signal, variant);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      system.log.error(`user-data: cannot read ${place.name}`, error);
      problems.push({ key: "", message: `${place.name}: ${error.message}` });
      continue;
    }
    for (const piece of pieces) {
      const result = read(piece, model);
      if (result.ok) readings.push({ from: piece.from, values: model.leaves(result.value), where: result.where });
      else problems.push(...result.problems.map((problem) => placed(piece.from, problem)));
      for (const { message } of result.ok ? result.warnings : [])
        system.log.info(`user-data: ${piece.from}: ${message}`);
    }
  }
  const result = together(readings, problems, model);
  for (const { message } of model.advice(model.tree(result.values), system.clock.now()))
    system.log.info(`user-data: ${message}`);
  return result;
}

function read(piece: UserData, model: Model): Read {
  if ("problem" in piece) return { ok: false, problems: [{ key: "", message: piece.problem }] };
  if ("settings" in piece) {
    const parsed = model.parse(piece.settings);
    return parsed.ok ? { ...parsed, where: (problem) => problem } : parsed;
  }
  const result = readDocument(piece.document, model);
  if (!result.ok) return result;
  const where = (problem: Problem): Problem => ({
    ...problem,
    ...placeOf(result.places(), splitKey(problem.key), "name"),
  });
  return { ok: true, value: result.value, warnings: result.warnings, where };
}

/** Leaves out documents until what remains needs nothing that it does not have. */
function together(readings: readonly Reading[], problems: Problem[], model: Model): UserDataResult {
  for (;;) {
    const values = new Map(readings.flatMap((reading) => [...reading.values]));
    const unmet = model.requirements(model.tree(values));
    const faulty = new Map(unmet.map((problem) => [problem, culprit(readings, problem.key)]));
    if (faulty.values().every((reading) => reading === undefined)) {
      // What is left is nobody's fault: the variant's own defaults need something.
      return { values, from: readings.map(({ from }) => from), problems: [...problems, ...unmet] };
    }
    for (const [problem, reading] of faulty) {
      if (reading !== undefined) problems.push(placed(reading.from, reading.where(problem)));
    }
    readings = readings.filter((reading) => !faulty.values().some((faultyReading) => faultyReading === reading));
  }
}

/** The last of the documents that speak of what is nearest to the key: the missing setting itself stands in none. */
function culprit(readings: readonly Reading[], key: string): Reading | undefined {
  const segments = splitKey(key);
  const shared = (candidate: string): number => {
    const differs = splitKey(candidate).findIndex((segment, at) => segment !== segments[at]);
    return differs < 0 ? segments.length : differs;
  };
  let nearest = 1; // every key shares "settings"
  let best: Reading | undefined;
  for (const reading of readings) {
    const closest = Math.max(0, ...reading.values.keys().map(shared));
    if (closest <= 1 || closest < nearest) continue;
    nearest = closest;
    best = reading;
  }
  return best;
}

function placed(from: string, problem: Problem): Problem {
  return { ...problem, message: `${from}: ${problem.message}` };
}
