/**
 * What the version on trial still lacks, as the gate found it last: written by the program that judges, for
 * hostd, which shows it. Both sides forget it with the boot.
 */
import { z } from "zod";
import { readTextIfPresent, writeFileAtomic } from "../../../lib/files/files.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { hostPath, type System } from "../../machine/system.ts";

const path = "/run/orlop/trial-findings.json";
const findings = z.array(z.string());

/** Never rejects: it is for people, and changes no verdict. */
export async function writeFindings(system: System, sentences: readonly string[]): Promise<void> {
  try {
    await writeFileAtomic(hostPath(system, path), JSON.stringify(sentences), 0o600);
  } catch (error) {
    system.log.error("signpost: cannot tell what the version on trial lacks", error);
  }
}

/** Empty before the gate has looked. */
export async function readFindings(system: System): Promise<string[]> {
  const text = await readTextIfPresent(hostPath(system, path));
  return text === undefined ? [] : findings.parse(parseJson(text));
}
