/** What people write for the updater of an ECS cluster: the part of `FleetPolicy` that ECS has a place for. */
import { z } from "zod";
import { Failure, messageOf } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import { duration } from "../policy/duration.ts";
import { FleetPolicySpec } from "../policy/fleet-policy.ts";

/** What is done about tasks that no service started, which ECS leaves where they are while an instance drains. */
const standaloneTasks = z.enum(["skip", "wait", "stop"]);
export type StandaloneTasks = z.output<typeof standaloneTasks>;

const EcsPolicy = z.strictObject({
  ...FleetPolicySpec.pick({
    /** Attributes that a container instance must have. */
    nodeSelector: true,
    paused: true,
    maxUnavailable: true,
    versions: true,
    order: true,
    windows: true,
    reboot: true,
  }).shape,
  drain: z
    .strictObject({
      /** After it the instance serves again, and is tried again later. */
      timeout: duration("25m"),
      retryAfter: duration("1h"),
      /** `skip` leaves such instances alone, `wait` waits until the tasks end, `stop` stops them. */
      standalone: standaloneTasks.default("skip"),
    })
    .prefault({}),
  soak: z.strictObject({ seconds: z.int().min(0).default(60), timeout: duration("15m") }).prefault({}),
});

export type ClusterPolicy = { spec: FleetPolicySpec; standalone: StandaloneTasks };

/**
 * @param text JSON
 * @throws {Failure<"bad-fleet-policy">}
 */
export function readClusterPolicy(text: string): ClusterPolicy {
  const fail = (reason: string): Failure => new Failure("bad-fleet-policy", `cannot read the policy: ${reason}`);
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw fail(messageOf(error));
  }
  const read = EcsPolicy.safeParse(json);
  if (!read.success) throw fail(z.prettifyError(read.error).replaceAll("\n", " "));
  const { drain, soak, ...rest } = read.data;
  const { standalone, ...times } = drain;
  const usual = FleetPolicySpec.parse({});
  return {
    standalone,
    spec: { ...usual, ...rest, drain: { ...usual.drain, ...times, volumes: "ignore" }, soak: { ...soak, gates: [] } },
  };
}
