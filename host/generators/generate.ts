/**
 * Finds values for settings that nobody set.
 *
 * One generator that fails does not keep the others from their values, nor the host from its boot: its setting stays
 * unset, and it is tried again.
 */
import type { Json } from "../../lib/text/json.ts";
import { describeProblem } from "../../settings/model/problem.ts";
import type { Model, Settings } from "../../settings/model/model.ts";
import type { Facts } from "../machine/facts.ts";
import type { System } from "../machine/system.ts";
import { Failure } from "../../lib/failure.ts";
import type { Generator } from "./generator.ts";
import { hostname } from "./hostname.ts";
import { clusterDnsIp, hostnameOverride, nodeIp, providerId } from "./kubernetes.ts";
import { region } from "./region.ts";
import { seed } from "./seed.ts";

export const generators: readonly Generator[] = [
  seed,
  region,
  hostname,
  nodeIp,
  providerId,
  hostnameOverride,
  clusterDnsIp,
];

export type Generated = {
  values: ReadonlyMap<string, Json>;
  failures: { key: string; error: unknown }[];
};

/** Those that this variant has, for people: key to how its value is found. */
export function generatorsOf({ variant }: Facts): Generator[] {
  return generators.filter(
    ({ group, platform }) => variant.groups.includes(group) && (platform ?? variant.platform) === variant.platform,
  );
}

/** @param isSet whether somebody set the key */
export async function generate(
  host: { system: System; facts: Facts; settings: Settings; model: Model },
  isSet: (key: string) => boolean,
  signal: AbortSignal,
): Promise<Generated> {
  const values = new Map<string, Json>();
  const failures: Generated["failures"] = [];
  // Side by side: each one may wait for the network.
  await Promise.all(
    generatorsOf(host.facts).map(async (generator) => {
      const { key } = generator;
      if (isSet(key)) return;
      try {
        const value = await generator.generate(host, signal);
        if (value !== undefined) values.set(key, accepted(host.model, key, value));
      } catch (error) {
        signal.throwIfAborted();
        failures.push({ key, error });
      }
    }),
  );
  return { values, failures };
}

/** What comes from a machine's surroundings is checked like what comes from a person. */
function accepted(model: Model, key: string, value: Json): Json {
  const parsed = model.parse(model.tree(new Map([[key, value]])));
  if (!parsed.ok) {
    throw new Failure(
      "bad-generated-value",
      `cannot use the generated value: ${parsed.problems.map(describeProblem).join("; ")}`,
    );
  }
  return value;
}
