/** What went wrong in a pass or a step of the boot, as the API shows it. */
import { Failure, type FailureCode, messageOf } from "../../lib/failure.ts";
import { UnitFailure } from "../machine/unit.ts";
import type { Setback } from "./reconciler.ts";

export type PassFailure = {
  code: FailureCode;
  message: string;
  /** The unit that failed, and the last it said. */
  unit?: string;
  journal?: string;
  /** What was not done because of it: the same words whenever the same fails, also on another boot. */
  undone?: string[];
};

export function failureOf(error: unknown): PassFailure {
  const code = error instanceof Failure ? error.code : "internal";
  const message = messageOf(error);
  if (!(error instanceof UnitFailure)) return { code, message };
  return { code, message, unit: error.unit, ...(error.journal === "" ? {} : { journal: error.journal }) };
}

/** What went wrong in a pass: the first failure, with the messages of all; undefined when nothing did. */
export function passFailure(setbacks: readonly Setback[]): PassFailure | undefined {
  const first = setbacks.find(({ error }) => error instanceof UnitFailure) ?? setbacks[0];
  if (first === undefined) return undefined;
  const message = setbacks.map(({ error }) => messageOf(error)).join("; ");
  return { ...failureOf(first.error), message, undone: setbacks.flatMap(({ undone }) => undone) };
}
