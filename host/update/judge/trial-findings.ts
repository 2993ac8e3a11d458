/**
 * What the version on trial still lacks, as the gate found it last, and when its time is over: written by the program that
 * judges, for hostd, which shows it. Both sides forget it with the boot.
 */
import { z } from "zod";
import { readTextIfPresent, writeFileAtomic } from "../../../lib/files/files.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { hostPath, type System } from "../../machine/system.ts";

const path = "/run/orlop/trial-findings.json";
const findings = z.object({
  missing: z.array(z.string()),
  /** By the clock that all programs of a boot share: `System.clock.elapsedMs`. */
  deadlineMs: z.number(),
});
export type TrialFindings = z.infer<typeof findings>;

/** Never rejects: it is for people, and changes no verdict. */
export async function writeFindings(system: System, found: TrialFindings): Promise<void> {
  try {
    await writeFileAtomic(hostPath(system, path), JSON.stringify(found), 0o600);
  } catch (error) {
    system.log.error("signpost: cannot tell what the version on trial lacks", error);
  }
}

/** Undefined before the gate has looked. */
export async function readFindings(system: System): Promise<TrialFindings | undefined> {
  const text = await readTextIfPresent(hostPath(system, path));
  return text === undefined ? undefined : findings.parse(parseJson(text));
}
