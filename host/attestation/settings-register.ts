/**
 * The register that stands for the settings of this boot: extended at every commit, and with it the log by which others
 * follow it.
 *
 * The log is in /run, which outlasts the daemon and ends with the boot, as the register does. It is written before the
 * register is extended: where the two differ by the last event, the daemon ended in between, and it is extended now.
 */
import {
  digestOfMeasured,
  type MeasuredSettings,
  replayed,
  type SettingsLog,
  settingsLog,
  settingsRegister,
} from "../../api/attestation/evidence.ts";
import { Failure } from "../../lib/failure.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import { readRecord } from "../../lib/files/record.ts";
import { extended } from "../../lib/tpm/event-log.ts";
import { extend, readRegisters, type Transmit } from "../../lib/tpm/tpm.ts";
import { hostPath, type System } from "../machine/system.ts";

const logPath = "/run/orlop/measured-settings.json";
/** Older ones are left out: the register before the first that is kept says as much as they do. */
const eventsMost = 64;
const zeros = "0".repeat(64);

/**
 * Brings the register to these settings, and returns the log that leads there.
 *
 * @throws {Failure<"tpm-refused" | "bad-tpm-data" | "damaged-record" | "foreign-extension">}
 */
export async function measureSettings(
  system: System,
  transmit: Transmit,
  settings: MeasuredSettings,
): Promise<SettingsLog> {
  const path = hostPath(system, logPath);
  const before = (await readRecord(path, settingsLog, "reboot the host")) ?? { base: zeros, events: [] };
  await follow(transmit, before);
  if (isSame(before.events.at(-1), settings)) return before;
  const log = shortened({ base: before.base, events: [...before.events, settings] });
  await writeFileAtomic(path, `${JSON.stringify(log)}\n`, 0o600);
  await follow(transmit, log);
  return log;
}

/** Extends the register by the last event of the log, unless that was done. */
async function follow(transmit: Transmit, { base, events }: SettingsLog): Promise<void> {
  const now = (await readRegisters(transmit, [settingsRegister])).get(settingsRegister) ?? Buffer.alloc(0);
  const last = events.at(-1);
  const before = replayed({ base, events: events.slice(0, -1) });
  if (now.equals(last === undefined ? before : extended(before, digestOfMeasured(last)))) return;
  if (last === undefined || !now.equals(before)) {
    throw new Failure(
      "foreign-extension",
      `cannot measure settings: PCR ${settingsRegister} was extended by somebody else, or ${logPath} was changed`,
      { hint: "it begins anew with the next boot; until then nobody can tell which settings this host has" },
    );
  }
  await extend(transmit, settingsRegister, digestOfMeasured(last));
}

function shortened({ base, events }: SettingsLog): SettingsLog {
  const left = Math.max(0, events.length - eventsMost);
  return { base: replayed({ base, events: events.slice(0, left) }).toString("hex"), events: events.slice(left) };
}

function isSame(event: MeasuredSettings | undefined, settings: MeasuredSettings): boolean {
  return event !== undefined && digestOfMeasured(event).equals(digestOfMeasured(settings));
}
