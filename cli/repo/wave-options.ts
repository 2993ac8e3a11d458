/** When which hosts may take a version, as options of commands: `--waves POLICY`, `--start TIME`. */
import { join } from "node:path";
import type { Options } from "../../lib/command/command.ts";
import { parseMoment } from "../../repo/waves/moment.ts";
import { wavesOf } from "../../repo/waves/wave-policy.ts";
import type { Wave } from "../../repo/waves/waves.ts";
import { readText } from "./context.ts";

const policies = join(import.meta.dir, "../../repo/waves/policies");
export const shippedPolicies = ["default", "accelerated", "ohno", "slow-roll"] as const;

export const waveOptions = {
  waves: {
    type: "text",
    value: "POLICY",
    help: `How it spreads: ${shippedPolicies.join(", ")}, a TOML file, or none for all hosts at once`,
    default: "default",
  },
  start: {
    type: "text",
    value: "TIME",
    help: "Where the waves count from: RFC 3339, or a duration such as `in 4 hours`; otherwise now",
  },
} as const satisfies Options;

export async function wavesFrom(values: {
  readonly waves: string;
  readonly start: string | undefined;
}): Promise<Wave[]> {
  if (values.waves === "none") return [];
  const now = new Date();
  const start = values.start === undefined ? now : parseMoment(values.start, now);
  const shipped = shippedPolicies.some((name) => name === values.waves);
  const path = shipped ? join(policies, `${values.waves}.toml`) : values.waves;
  return wavesOf(await readText(path), start, values.waves);
}
