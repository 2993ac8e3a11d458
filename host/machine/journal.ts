/**
 * What units said, from the journal. This is the only door to it: whatever programs and containers print comes in without
 * the secrets that are known.
 */
import type { System } from "./system.ts";

const limitMs = 5_000;

/** Lines of a unit, or those that it said itself, without what systemd says about it. */
export type JournalPart = { lines: number; only?: readonly string[] } & ({ unit: string } | { speaker: string });

/**
 * The newest, oldest first.
 *
 * @param only further arguments of journalctl(1), which fails when no line is as they say
 */
export async function journalLines(system: System, { lines, only = [], ...whose }: JournalPart): Promise<string[]> {
  const chosen = "unit" in whose ? `--unit=${whose.unit}` : `_SYSTEMD_UNIT=${whose.speaker}`;
  const form = ["--output=cat", "--no-pager", "--quiet"];
  const text = await system.run(["journalctl", chosen, `--lines=${lines}`, ...only, ...form], { limitMs });
  return system
    .mask(text)
    .split("\n")
    .filter((line) => line !== "");
}

/** Whatever was said already is in the journal when this resolves. */
export async function syncJournal(system: System): Promise<void> {
  await system.run(["journalctl", "--sync"], { limitMs });
}
