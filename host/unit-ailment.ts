/** What is wrong with a unit of systemd, in a sentence with what it said last. */
import { isFailure } from "../lib/failure.ts";
import type { System } from "./system.ts";

const journalLines = 5;
/** A program of Go ends with the stacks of all that it did, hundreds of lines; why it ended stands before them. */
const stackLines = 1_000;
/** How kubelet's log, and Go itself, begin the line that says why they end. */
const end = /^(?:F\d{4} |panic: |fatal error: )/;

export async function unitAilment(system: System, unit: string): Promise<string[]> {
  const state = await stateOf(system, unit);
  if (state === "active") return [];
  return [ailment(unit, state, await journalOf(system, unit))];
}

export async function kubeletAilment(system: System): Promise<string[]> {
  const unit = "kubelet.service";
  const state = await stateOf(system, unit);
  if (state === "active") return [];
  const said = (await journal(system, unit, stackLines)).findLast((line) => end.test(line));
  return [ailment(unit, state, said?.slice(0, 1000) ?? (await journalOf(system, unit)))];
}

function ailment(unit: string, state: string, said: string): string {
  return `${unit} is ${state === "" ? "unknown" : state}${said === "" ? "" : `; it said: ${said}`}`;
}

async function stateOf(system: System, unit: string): Promise<string> {
  const argv = ["systemctl", "show", "--value", "--property=ActiveState", unit] as const;
  return (await system.run(argv, { timeoutMs: 30_000 })).trim();
}

export async function journalOf(system: System, unit: string, ...only: string[]): Promise<string> {
  return (await journal(system, unit, journalLines, ...only)).join(" | ").slice(0, 1000);
}

async function journal(system: System, unit: string, lines: number, ...only: string[]): Promise<string[]> {
  try {
    const argv = ["journalctl", `--unit=${unit}`, ...only, `--lines=${lines}`, "--output=cat", "--no-pager"] as const;
    return (await system.run(argv, { timeoutMs: 5_000 })).trim().split("\n");
  } catch (error) {
    if (isFailure(error)) return []; // the unit's state is what counts
    throw error;
  }
}
