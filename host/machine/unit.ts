/** Has systemd start, stop or restart a unit. When it cannot, its result and the last lines of its journal tell why. */
import { Failure, isFailure } from "../../lib/failure.ts";
import { journalLines, syncJournal, type JournalPart } from "./journal.ts";
import type { RunLimits, System } from "./system.ts";

/** A unit that systemd could not start or stop, with the last lines of its journal. */
export class UnitFailure extends Failure<"unit-failed"> {
  readonly unit: string;
  readonly journal: string;

  constructor(unit: string, message: string, journal: string, cause: unknown) {
    super("unit-failed", message, { cause });
    this.unit = unit;
    this.journal = journal;
  }
}

const journalLineCount = 10;

/** What systemd calls the state of a unit: "active", "inactive", "failed", "activating"; see systemctl(1). */
export async function activeState(system: System, unit: string, limits: RunLimits = {}): Promise<string> {
  return (await system.run(["systemctl", "show", "--value", "--property=ActiveState", unit], limits)).trim();
}

/** Runs `systemctl VERB UNIT`; when it fails, finds out why. */
export async function actOnUnit(system: System, verb: string, unit: string, limits: RunLimits = {}): Promise<void> {
  try {
    await system.run(["systemctl", verb, unit], limits);
  } catch (error) {
    if (!isFailure(error, "exit-status", "timed-out")) throw error;
    const show = ["systemctl", "show", "--value", "--property=Result", unit] as const;
    const result = await explanation(system, async () => (await system.run(show, { limitMs: 5_000 })).trim());
    const journal = await explanation(system, async () => await journalText(system, { unit, lines: journalLineCount }));
    throw new UnitFailure(unit, `cannot ${verb} ${unit}: ${result === "" ? "no result" : result}`, journal, error);
  }
}

/** What a template is an instance for, as the instance's name has it; `%I` gives it back. Source: systemd.unit(5). */
export const instanceOf = (text: string): string =>
  text.replaceAll(/[^a-zA-Z0-9:_.]/g, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, "0")}`);

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
    await explanation(system, async () => {
      await syncJournal(system); // the last line may not have arrived
      return "";
    });
    const part = { speaker: unit, lines: journalLineCount, only: ["--boot"] };
    const journal = await explanation(system, async () => await journalText(system, part));
    throw new UnitFailure(unit, journal.split("\n").at(-1) || `${unit} did not start`, journal, error);
  }
}

async function journalText(system: System, part: JournalPart): Promise<string> {
  return (await journalLines(system, part)).join("\n");
}

/** What only explains a failure: that failure must not be hidden by a second one. */
async function explanation(system: System, ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (error) {
    system.log.error(`cannot ask why a unit failed`, error);
    return "";
  }
}
