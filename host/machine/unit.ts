/** Has systemd start, stop or restart a unit. When it cannot, its result and the last lines of its journal tell why. */
import { Failure, isFailure } from "../../lib/failure.ts";
import type { RunLimits, System } from "./system.ts";

/** A unit that did not do as told, with what it said. */
export class UnitFailure extends Failure<"unit-failed"> {
  readonly unit: string;
  readonly journal: string;

  constructor(unit: string, message: string, journal: string, cause: unknown) {
    super("unit-failed", message, { cause });
    this.unit = unit;
    this.journal = journal;
  }
}

const journalLines = 10;

/** Runs `systemctl VERB UNIT`; when it fails, finds out why. */
export async function actOnUnit(system: System, verb: string, unit: string, limits: RunLimits = {}): Promise<void> {
  try {
    await system.run(["systemctl", verb, unit], limits);
  } catch (error) {
    if (!isFailure(error, "exit-status", "timed-out")) throw error;
    const result = await explanation(system, ["systemctl", "show", "--value", "--property=Result", unit]);
    const journal = await explanation(system, [
      "journalctl",
      `--unit=${unit}`,
      `--lines=${journalLines}`,
      "--output=cat",
      "--no-pager",
    ]);
    throw new UnitFailure(unit, `cannot ${verb} ${unit}: ${result === "" ? "no result" : result}`, journal, error);
  }
}

/**
 * Starts a unit that does something and ends.
 *
 * @throws {UnitFailure} with the last that it said, without what systemd says about it
 */
export async function runToItsEnd(system: System, unit: string, limits: RunLimits): Promise<void> {
  try {
    await system.run(["systemctl", "start", unit], limits);
  } catch (error) {
    if (!isFailure(error, "exit-status")) throw error;
    await explanation(system, ["journalctl", "--sync"]); // the last line may not have arrived
    const journal = await explanation(system, [
      "journalctl",
      "--boot",
      `_SYSTEMD_UNIT=${unit}`,
      `--lines=${journalLines}`,
      "--output=cat",
      "--no-pager",
      "--quiet",
    ]);
    throw new UnitFailure(unit, journal.split("\n").at(-1) || `${unit} did not start`, journal, error);
  }
}

/** The output of a program that only explains a failure: that failure must not be hidden by a second one. */
async function explanation(system: System, argv: readonly [string, ...string[]]): Promise<string> {
  try {
    return (await system.run(argv, { limitMs: 5_000 })).trim();
  } catch (error) {
    system.log.error(`cannot ask why a unit failed`, error);
    return "";
  }
}
