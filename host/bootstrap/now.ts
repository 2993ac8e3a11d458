/** How far the preparation of the machine is, for the status of the host. */
import { readRecord, type BootstrapRecord, type Entry } from "./record.ts";
import type { System } from "../system.ts";

const unit = "bootstrap.service";
const pollMs = 2_000;
const interrupted = { code: "interrupted", message: `${unit} ended before it was done` };

export async function bootstrapNow(system: System): Promise<{ entries: Entry[]; halted?: string }> {
  const before = await readRecord(system);
  if (before === undefined) return { entries: [] };
  if (isComplete(before)) return before;
  // Who writes the record may have been killed.
  const state = await system.run(["systemctl", "show", "--value", "--property=ActiveState", unit]);
  if (state.trim() !== "failed") return before;
  // Or it has written its last since.
  const record = (await readRecord(system)) ?? before;
  if (isComplete(record)) return record;
  const entries = record.entries.map((entry) =>
    isDone(entry) ? entry : { ...entry, state: "failed" as const, failure: interrupted },
  );
  return { entries, halted: interrupted.message };
}

const isDone = ({ state }: Entry): boolean => state !== "waiting" && state !== "running";
const isComplete = ({ halted, entries }: BootstrapRecord): boolean => halted !== undefined || entries.every(isDone);

/** Waits for what is essential; false when nothing is, and when the boot stops there. */
export async function untilPrepared(system: System, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const { entries, halted } = await bootstrapNow(system);
    const essential = entries.filter((entry) => entry.essential);
    if (halted !== undefined || essential.length === 0) return false;
    if (essential.every(({ state }) => state === "done")) return true;
    await system.clock.sleep(pollMs, signal);
  }
}
