/** A fleet at a glance: what one look at all nodes says about budget, canaries and zones. */
import type { Claim } from "../policy/fleet-policy.ts";
import { windowState, type WindowState } from "../policy/window.ts";
import { progressKey, type Roster } from "./roster.ts";
import type { FleetNode, Snapshot } from "./snapshot.ts";
import type { Wait } from "./wait.ts";

export type Survey = {
  snapshot: Snapshot;
  roster: Roster;
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
  /** By variant and version: the names of the nodes that are brought to it now. */
  claimed: ReadonlyMap<string, readonly string[]>;
  /** Zones of claimed nodes. */
  zones: ReadonlySet<string>;
  /** Nodes with something to do or to give back: all but those at rest. */
  active: readonly FleetNode[];
};

/** So many names are told. */
const mostNames = 3;

export function survey(snapshot: Snapshot, now: Date, roster: Roster): Survey {
  const { policy } = snapshot;
  const claims = new Map(policy.ledger.claims.map((claim) => [claim.uid, claim]));
  const claimed = new Map<string, string[]>();
  const zones = new Set<string>();
  const active = new Map(roster.active);
  for (const claim of claims.values()) {
    const node = roster.get(claim.uid);
    if (node === undefined) continue;
    active.set(node.uid, node);
    zones.add(node.zone);
    const key = progressKey(node.report?.variant ?? "", claim.version);
    claimed.set(key, [...(claimed.get(key) ?? []), node.name]);
  }
  return {
    snapshot,
    roster,
    now,
    budget: budgetOf(policy.spec.maxUnavailable, roster.total),
    claims,
    away: awayFor(roster, claims),
    window: windowState(policy.spec.windows, now),
    barrier: barrierOf(snapshot),
    claimed,
    zones,
    active: [...active.values()],
  };
}

/** Who is claimed has its place already. */
function awayFor(roster: Roster, claims: ReadonlyMap<string, Claim>): Survey["away"] {
  let count = roster.away.size;
  for (const uid of claims.keys()) if (roster.away.has(uid)) count--;
  const names: string[] = [];
  for (const node of roster.away.values()) {
    if (names.length === Math.min(mostNames, count)) break;
    if (!claims.has(node.uid)) names.push(node.name);
  }
  return { count, names };
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
