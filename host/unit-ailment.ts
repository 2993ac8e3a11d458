/** What is wrong with a unit of systemd, in a sentence with what it said last. */
import { isFailure } from "../lib/failure.ts";
import type { System } from "./system.ts";

const journalLines = 5;

export async function unitAilment(system: System, unit: string): Promise<string[]> {
  const argv = ["systemctl", "show", "--value", "--property=ActiveState", unit] as const;
  const state = (await system.run(argv, { timeoutMs: 30_000 })).trim();
  if (state === "active") return [];
  const said = await journalOf(system, unit);
  return [`${unit} is ${state === "" ? "unknown" : state}${said === "" ? "" : `; it said: ${said}`}`];
}

export async function journalOf(system: System, unit: string, ...only: string[]): Promise<string> {
  const lines = `--lines=${journalLines}`;
  try {
    const argv = ["journalctl", `--unit=${unit}`, ...only, lines, "--output=cat", "--no-pager"] as const;
    return (await system.run(argv, { timeoutMs: 5_000 })).trim().replaceAll("\n", " | ").slice(0, 1000);
  } catch (error) {
    if (isFailure(error)) return ""; // the unit's state is what counts
    throw error;
  }
}
