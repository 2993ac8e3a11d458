/** What is wrong with a unit of systemd, in a sentence with what it said last. */
import { isFailure } from "../../lib/failure.ts";
import { check, type Ailment } from "./ailment.ts";
import { journalLines } from "./journal.ts";
import type { System } from "./system.ts";
import { activeState } from "./unit.ts";

/** How kubelet's log, and Go itself, begin the line that says why they end, with hundreds of lines of stacks behind it. */
const end = "^(F[0-9]{4} |panic: |fatal error: )";

export async function unitAilment(system: System, unit: string, signal: AbortSignal): Promise<Ailment[]> {
  return await check(`whether ${unit} runs`, signal, async () => {
    const state = await activeState(system, unit, { limitMs: 30_000 });
    if (state === "active") return [];
    return [ailment(unit, state, await journalOf(system, unit))];
  });
}

export async function kubeletAilment(system: System, signal: AbortSignal): Promise<Ailment[]> {
  const unit = "kubelet.service";
  return await check(`whether ${unit} runs`, signal, async () => {
    const state = await activeState(system, unit, { limitMs: 30_000 });
    if (state === "active") return [];
    // Of this boot: why it ended in an earlier one is not what is wrong now.
    const why = await journalOf(system, unit, "--boot", `--grep=${end}`, "--lines=1");
    return [ailment(unit, state, why === "" ? await journalOf(system, unit) : why)];
  });
}

function ailment(unit: string, state: string, journal: string): Ailment {
  const message = `${unit} is ${state === "" ? "unknown" : state}${journal === "" ? "" : `; it said: ${journal}`}`;
  return { message, known: [`unit ${unit}`] };
}

export async function journalOf(system: System, unit: string, ...only: string[]): Promise<string> {
  try {
    return (await journalLines(system, { unit, lines: 5, only })).join(" | ").slice(0, 1000);
  } catch (error) {
    // journalctl fails when no line is like the one looked for. Whatever else it is: the unit's state is what counts.
    if (!isFailure(error)) system.log.error(`cannot read what ${unit} said`, error);
    return "";
  }
}
