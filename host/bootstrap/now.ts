/** How far the preparation of the machine is, for the status of the host. */
import { explain, Failure, systemErrorCode } from "../../lib/failure.ts";
import { readRecord, type BootstrapRecord, type BootstrapWork } from "./record.ts";
import type { System } from "../machine/system.ts";
import { activeState } from "../machine/unit.ts";

const unit = "bootstrap.service";
const pollMs = 2_000;
/** systemd answers at once, or it is busy and whoever asks for the status has waited long enough. */
const limitMs = 5_000;
const interrupted = { code: "interrupted", message: `${unit} ended before it was done` };

/** `unknown`: why nobody can tell more than the entries do, in a sentence. */
export type BootstrapNow = { entries: BootstrapWork[]; halted?: string; unknown?: string };

/** Never rejects because of what it looks at. */
export async function bootstrapNow(system: System): Promise<BootstrapNow> {
  let record: BootstrapRecord | undefined;
  try {
    record = await readRecord(system);
    return record === undefined ? { entries: [] } : await withUnit(system, record);
  } catch (error) {
    if (!(error instanceof Failure) && systemErrorCode(error) === undefined) throw error;
    const unknown = `cannot tell how far the preparation of this machine is: ${explain(error)}`;
    return { entries: record?.entries ?? [], unknown };
  }
}

async function withUnit(system: System, before: BootstrapRecord): Promise<BootstrapNow> {
  if (isComplete(before)) return before;
  // Who writes the record may have been killed.
  const state = await activeState(system, unit, { limitMs });
  if (state !== "failed") return before;
  // Or it has written its last since.
  const record = (await readRecord(system)) ?? before;
  if (isComplete(record)) return record;
  const entries = record.entries.map((entry) =>
    isDone(entry) ? entry : { ...entry, state: "failed" as const, failure: interrupted },
  );
  return { entries, halted: interrupted.message };
}

const isDone = ({ state }: BootstrapWork): boolean => state !== "waiting" && state !== "running";
const isComplete = ({ halted, entries }: BootstrapRecord): boolean => halted !== undefined || entries.every(isDone);

/** Waits for what is essential; false when it was plain at once that nothing is, and when the boot stops there. */
export async function untilPrepared(system: System, signal: AbortSignal): Promise<boolean> {
  for (let wasUnknown = false; ;) {
    const { entries, halted, unknown } = await bootstrapNow(system);
    const essential = entries.filter((entry) => entry.essential);
    if (halted !== undefined) return false;
    if (unknown === undefined && essential.length === 0) return wasUnknown;
    if (essential.length > 0 && essential.every(({ state }) => state === "done")) return true;
    wasUnknown ||= unknown !== undefined;
    await system.clock.sleep(pollMs, signal);
  }
}
