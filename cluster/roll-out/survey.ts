/** A fleet at a glance: what one look at all nodes says about budget, canaries and zones. */
import type { Claim } from "../policy/fleet-policy.ts";
import { windowState, type WindowState } from "../policy/window.ts";
import type { FleetNode, Snapshot } from "./snapshot.ts";
import type { Wait } from "./wait.ts";

/** How far a version is with the nodes of one variant. */
export type VariantProgress = {
  /** Nodes that run it, proved. */
  proved: number;
  /** The nodes that are brought to it now. */
  claimed: string[];
};

export type Survey = {
  snapshot: Snapshot;
  now: Date;
  /** How many nodes may be away. */
  budget: number;
  /** By UID. */
  claims: ReadonlyMap<string, Claim>;
  /** Not claimed and away all the same: not ready, or cordoned by whomever. Some of their names, for people. */
  away: { count: number; names: string[] };
  window: WindowState;
  /** Why nothing new begins in the whole fleet. */
  barrier: Wait | undefined;
  /** Hosts that download by order. */
  preparing: number;
  /** By variant and version. */
  progress: ReadonlyMap<string, VariantProgress>;
  /** By variant: how many nodes there are, and how many of them may be canaries. */
  variants: ReadonlyMap<string, { nodes: number; canaries: number }>;
  /** Zones of claimed nodes. */
  zones: ReadonlySet<string>;
  /** Nodes with something to do or to give back: all but those at rest. */
  active: readonly FleetNode[];
};

/** So many names are told. */
const mostNames = 3;

export function survey(snapshot: Snapshot, now: Date): Survey {
  const { policy, nodes } = snapshot;
  const claims = new Map(policy.ledger.claims.map((claim) => [claim.uid, claim]));
  const away = { count: 0, names: [] as string[] };
  const progress = new Map<string, VariantProgress>();
  const variants = new Map<string, { nodes: number; canaries: number }>();
  const zones = new Set<string>();
  const active: FleetNode[] = [];
  let preparing = 0;
  let total = 0;
  for (const node of nodes) {
    const claim = claims.get(node.uid);
    const { report } = node;
    if (claim !== undefined || !isAtRest(node)) active.push(node);
    if (claim !== undefined) zones.add(node.zone);
    if (node.selected && !node.leaving) {
      total++;
      if (claim === undefined && isAway(node)) {
        away.count++;
        if (away.names.length < mostNames) away.names.push(node.name);
      }
    }
    if (node.order?.do === "prepare") preparing++;
    if (report === undefined) continue;
    const variant = entry(variants, report.variant, () => ({ nodes: 0, canaries: 0 }));
    if (node.selected && !node.leaving) {
      variant.nodes++;
      if (node.canary) variant.canaries++;
    }
    if (claim !== undefined) progressOf(progress, report.variant, claim.version).claimed.push(node.name);
    else if (isProved(node)) progressOf(progress, report.variant, report.version).proved++;
  }
  const window = windowState(policy.spec.windows, now);
  return {
    snapshot,
    now,
    budget: budgetOf(policy.spec.maxUnavailable, total),
    claims,
    away,
    window,
    barrier: barrierOf(snapshot),
    preparing,
    progress,
    variants,
    zones,
    active,
  };
}

/** Nothing of ours is on it, and nothing is to be done before it is claimed. */
function isAtRest(node: FleetNode): boolean {
  return (
    node.marks.step === "Idle" &&
    node.cordon !== "ours" &&
    node.order === undefined &&
    !node.marks.excluded &&
    !node.starting
  );
}

function isAway(node: FleetNode): boolean {
  return !node.ready || node.cordon !== "none";
}

function isProved({ report, marks, ready, cordon }: FleetNode): boolean {
  if (report === undefined || report.onTrial || !ready || cordon !== "none") return false;
  return marks.step === "Idle" && marks.failed?.version !== report.version;
}

/** @param maximum a number, or a share of `total` as "10%" */
export function budgetOf(maximum: number | string, total: number): number {
  if (typeof maximum === "number") return maximum;
  return Math.max(1, Math.floor((total * Number.parseInt(maximum, 10)) / 100));
}

/** What keeps everything from beginning, in the order in which a person would have to clear it away. */
function barrierOf({ policy }: Snapshot): Wait | undefined {
  const { halted } = policy.ledger;
  if (policy.deleting) return { cause: "deleting" };
  if (policy.stop !== undefined) return { cause: "stopped", reason: policy.stop };
  if (halted !== undefined) return { cause: "halted", ...halted };
  return policy.spec.paused ? { cause: "paused" } : undefined;
}

export function progressOf(progress: Map<string, VariantProgress>, variant: string, version: string): VariantProgress {
  return entry(progress, `${variant} ${version}`, () => ({ proved: 0, claimed: [] }));
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
