/** `FleetPolicy`: how the nodes that it selects are updated. What people write (`spec`), and what is kept (`status`). */
import { z } from "zod";
import { moment } from "../../api/fleet/host-report.ts";
import { Version } from "../../repo/version.ts";
import { duration } from "./duration.ts";
import { Gate } from "./gate.ts";
import { WindowSpec } from "./window.ts";

const names = z.record(z.string(), z.string());

/** A number of nodes, or a share of those selected, rounded down and at least one. */
export const NodeCount = z.union([
  z.int().min(1),
  z.string().regex(/^([1-9]\d?|100)%$/, "a number of nodes, or a share such as 10%"),
]);

export const FleetPolicySpec = z.strictObject({
  /** Labels that a node must have; without any, every node that reports is selected. */
  nodeSelector: names.default({}),
  /** Nothing new begins. What has begun is finished. */
  paused: z.boolean().default(false),
  /** How many nodes may be away at once, counting all that are away for any reason. */
  maxUnavailable: NodeCount.default(1),
  /** How many hosts may download at once. It disturbs none of them, but the mirror. */
  maxPreparing: z.int().min(1).default(10),
  versions: z
    .strictObject({
      /** The only version that nodes are brought to. None is brought to an older one than it runs. */
      pin: Version.optional(),
      /** Versions that no node is brought to. */
      forbid: z.array(Version).default([]),
    })
    .prefault({}),
  /** How long a version must have been released before a node takes it, from the start of its first wave. */
  minimumAge: duration("0s"),
  order: z
    .strictObject({
      /** So many nodes of each variant go first, one after the other, through the whole soak. */
      canaries: z.int().min(0).default(1),
      /** Labels of the nodes that may be canaries; otherwise all may. */
      canarySelector: names.default({}),
      /** `one-at-a-time`: no node of another zone begins while one is away. */
      zones: z.enum(["any", "one-at-a-time"]).default("any"),
    })
    .prefault({}),
  /** When a node may begin. Without any, always. What has begun is finished outside of them. */
  windows: z.array(WindowSpec).default([]),
  /** Nodes younger than this that carry the taint `fleet.orlop.dev/starting` are updated before they get pods. */
  newNodeGrace: duration("15m"),
  drain: z
    .strictObject({
      /** After it the node is given back and tried again later. */
      timeout: duration("30m"),
      /** Whether to wait until the volumes of the node are detached. */
      volumes: z.enum(["wait", "ignore"]).default("wait"),
      /** How long a node is left alone that was given back; each further time twice as long, up to a day. */
      retryAfter: duration("1h"),
    })
    .prefault({}),
  loadBalancer: z
    .strictObject({
      /** Takes the node out of load balancers before its pods leave. */
      exclude: z.boolean().default(false),
      /** How long the load balancer needs for that. */
      wait: duration("30s"),
    })
    .prefault({}),
  /** From the order to a host that has proved healthy. */
  reboot: z.strictObject({ timeout: duration("15m") }).prefault({}),
  soak: z
    .strictObject({
      /** How long all gates, and the node's being ready, must have held without a break. */
      seconds: z.int().min(0).default(60),
      /** After it the soak has failed. */
      timeout: duration("15m"),
      gates: z
        .array(Gate)
        .refine(
          (gates) => new Set(gates.map(({ name }) => name)).size === gates.length,
          "gates with names of their own",
        )
        .default([]),
    })
    .prefault({}),
  /** A failed soak halts the roll-out; `rollback` also brings that node back to the version before. */
  onSoakFailure: z.enum(["halt", "rollback"]).default("halt"),
});

export type FleetPolicySpec = z.output<typeof FleetPolicySpec>;

/** One node's place in the budget. It falls with the node that it was made for. */
export const Claim = z.object({
  node: z.string(),
  uid: z.string(),
  token: z.int(),
  since: moment,
  version: z.string(),
});

/** Why a roll-out stands until a person lets it go on, by `fleet.orlop.dev/resume` with this id. */
export const Halt = z.object({
  id: z.string(),
  node: z.string(),
  version: z.string(),
  reason: z.string(),
  at: moment,
});

/** What `decide` keeps in the status; conditions and counts stand beside it, for people. */
export const FleetLedger = z.object({
  /** Higher than every token that was ever used. */
  nextToken: z.int().default(1),
  claims: z.array(Claim).default([]),
  halted: Halt.optional(),
});

export type Claim = z.output<typeof Claim>;
export type Halt = z.output<typeof Halt>;
export type FleetLedger = z.output<typeof FleetLedger>;

export type FleetPolicy = {
  name: string;
  uid: string;
  resourceVersion: string;
  spec: FleetPolicySpec;
  ledger: FleetLedger;
  /** The value of `fleet.orlop.dev/stop`. */
  stop: string | undefined;
  /** The value of `fleet.orlop.dev/resume`. */
  resume: string | undefined;
  /** It has a deletionTimestamp. */
  deleting: boolean;
  /** It carries our finalizer. */
  finalizer: boolean;
};
