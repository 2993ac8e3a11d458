/** What a simulation is of: a policy as in a cluster, a manifest as in a repository, and what goes wrong, and how long things take. */
import { parse as parseToml, TomlError } from "smol-toml";
import { parse as parseYaml, YAMLParseError } from "yaml";
import { z } from "zod";
import { Failure, messageOf } from "../../lib/failure.ts";
import { parseDuration } from "../../lib/duration.ts";
import type { Machines, Manifest } from "../../repo/manifest.ts";
import { FleetPolicySpec } from "../policy/fleet-policy.ts";

const time = z
  .string()
  .regex(/^\d{1,9}[smhdw]$/, "a time such as 90s, 30m, 4h or 7d")
  .transform((text) => parseDuration(text) * 1000);
/** The shortest and the longest; drawn evenly in between. */
const range = (least: string, most: string) => z.tuple([time, time]).prefault([least, most]);
const percent = z.number().min(0).max(100);

export const FleetFaults = z.strictObject({
  /** How often a host looks for updates. */
  look: time.prefault("30m"),
  download: range("1m", "10m"),
  /** From the first eviction until the last pod has left. */
  drain: range("20s", "5m"),
  /** From the order until the host runs again. */
  reboot: range("1m", "3m"),
  /** From there until it has proved healthy. */
  prove: range("20s", "2m"),
  /** Of drains, how many a PodDisruptionBudget holds for ever. */
  "held-drains": percent.default(0),
  /** Of reboots, after how many the host never comes back. */
  "lost-hosts": percent.default(0),
  /** Versions that are bad. */
  bad: z
    .array(
      z.strictObject({
        version: z.string(),
        /** Of hosts, on how many it is bad. */
        share: percent.default(100),
        /** Where that shows: the host does not prove healthy, or its workloads fail while it soaks. */
        shows: z.enum(["gate", "soak"]).default("gate"),
      }),
    )
    .default([]),
  zones: z.int().min(1).max(100).default(3),
});

export type FleetFaults = z.output<typeof FleetFaults>;

export type FleetScenario = {
  nodes: number;
  seed: number;
  spec: FleetPolicySpec;
  manifest: Manifest;
  machines: Machines;
  /** What every host runs at the start. */
  running: string;
  faults: FleetFaults;
  start: Date;
  lengthMs: number;
};

const PolicyDocument = z.object({ spec: z.unknown() });

/** @throws {Failure<"bad-fleet-policy">} */
export function readFleetPolicy(yaml: string, name: string): FleetPolicySpec {
  const refuse = (reason: string): Failure =>
    new Failure("bad-fleet-policy", `cannot use the policy ${name}: ${reason}`);
  let document: unknown;
  try {
    document = parseYaml(yaml);
  } catch (error) {
    if (error instanceof YAMLParseError) throw refuse(error.message);
    throw error;
  }
  const spec = FleetPolicySpec.safeParse(PolicyDocument.safeParse(document).data?.spec);
  if (!spec.success) throw refuse(z.prettifyError(spec.error));
  return spec.data;
}

/** @throws {Failure<"bad-fleet-faults">} */
export function readFleetFaults(toml: string, name: string): FleetFaults {
  const refuse = (reason: string): Failure =>
    new Failure("bad-fleet-faults", `cannot use the faults ${name}: ${reason}`);
  let document: unknown;
  try {
    document = parseToml(toml);
  } catch (error) {
    if (error instanceof TomlError) throw refuse(`line ${error.line}, column ${error.column}: ${messageOf(error)}`);
    throw error;
  }
  const faults = FleetFaults.safeParse(document);
  if (!faults.success) throw refuse(z.prettifyError(faults.error));
  return faults.data;
}
