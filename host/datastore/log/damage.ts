/** Damage to a segment, in sentences for people. */
import { isJsonObject } from "../../../lib/text/json.ts";
import type { State } from "../state.ts";
import { readBody } from "../transaction.ts";

/** So many lines of what was lost are looked through for the versions they name. */
const linesLookedAt = 10_000;

/** What stands behind the last good line; nothing when it is the last. */
export function describeTail(name: string, bytes: Buffer, goodBytes: number): string[] {
  const lost = bytes.subarray(goodBytes);
  if (lost.length === 0) return [];
  const versions = versionsNamed(lost);
  const [first, last] = [versions[0], versions.at(-1)];
  if (first === undefined || last === undefined) {
    return [
      `${name}: an unfinished record at its end (${lost.length} bytes) was left out; power was lost, or it is damaged`,
    ];
  }
  const range = first === last ? `version ${first}` : `versions ${first} to ${last}`;
  return [`${name}: damaged at byte ${goodBytes}; ${lost.length} bytes with ${range} were left out`];
}

export function describeState({ version, at }: State): string {
  if (version === 0) return "the settings start empty";
  return `the settings are those of version ${version} of ${at.toISOString()}`;
}

/** Versions of the lines that still look like transactions, ascending; nothing proves them. */
function versionsNamed(lost: Buffer): number[] {
  const lines = lost.toString("utf8").split("\n", linesLookedAt);
  const versions = lines.flatMap((line) => {
    const body = readBody(line.slice(line.indexOf("{")));
    return isJsonObject(body) && Number.isSafeInteger(body["version"]) ? Number(body["version"]) : [];
  });
  return versions.toSorted((a, b) => a - b);
}
