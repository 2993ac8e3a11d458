/**
 * The nodes of a fleet, with what a look at all of them would find, kept up to date node by node.
 *
 * `decide` makes one of any list of nodes. Whoever has many nodes and decides often keeps one, and then a pass costs what
 * has changed since the last one, not what there is.
 */
import type { FleetPolicySpec } from "../policy/fleet-policy.ts";
import type { FleetNode } from "./snapshot.ts";
import { isWait, readyFor, type Wanted } from "./wanted.ts";

type Count = { nodes: number; canaries: number };

export class Roster {
  readonly #nodes = new Map<string, FleetNode>();
  readonly #self: string | undefined;
  /** Nodes with something to do or to give back. */
  readonly active = new Map<string, FleetNode>();
  /** Selected nodes that are not ready, or cordoned by whomever. */
  readonly away = new Map<string, FleetNode>();
  /** By variant. */
  readonly variants = new Map<string, Count>();
  /** Nodes that run a version, proved, by variant and version. */
  readonly proved = new Map<string, number>();
  total = 0;
  preparing = 0;
  #spec: FleetPolicySpec | undefined;
  /** Whose wish is not known yet. */
  readonly #fresh = new Map<string, FleetNode>();
  readonly #unprepared = new Map<string, FleetNode>();
  /** Those that may be claimed, in the order in which they are. */
  #ready: FleetNode[] = [];
  /** Those for which time changes something, the earliest last. */
  #asleep: { untilMs: number; node: FleetNode }[] = [];

  constructor(nodes: Iterable<FleetNode>, self?: string) {
    this.#self = self;
    for (const node of nodes) this.set(node);
  }

  get(uid: string): FleetNode | undefined {
    return this.#nodes.get(uid);
  }

  values(): Iterable<FleetNode> {
    return this.#nodes.values();
  }

  set(node: FleetNode): void {
    this.delete(node.uid);
    this.#nodes.set(node.uid, node);
    this.#count(node, 1);
    if (!isAtRest(node)) this.active.set(node.uid, node);
    if (counts(node) && isAway(node)) this.away.set(node.uid, node);
    if (mayBegin(node)) this.#fresh.set(node.uid, node);
  }

  delete(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node === undefined) return;
    this.#nodes.delete(uid);
    this.#count(node, -1);
    for (const map of [this.active, this.away, this.#fresh, this.#unprepared]) map.delete(uid);
  }

  /** Nodes that wait for an order to prepare a version, at most so many. */
  *unprepared(spec: FleetPolicySpec, now: Date): Iterable<{ node: FleetNode; version: string }> {
    this.#sort(spec, now);
    for (const node of this.#unprepared.values()) {
      const wanted = readyFor(node, spec, now);
      if (isWait(wanted) && wanted.cause === "prepare") yield { node, version: wanted.version };
      else this.#place(node, wanted, spec, now);
    }
  }

  /** Nodes that may be claimed, the first first. */
  *candidates(spec: FleetPolicySpec, now: Date): Iterable<{ node: FleetNode; version: string }> {
    this.#sort(spec, now);
    let hasLeft = false;
    try {
      for (const node of this.#ready) {
        if (this.#nodes.get(node.uid) === node) {
          const wanted = readyFor(node, spec, now);
          if (!isWait(wanted)) {
            yield { node, version: wanted.version };
            continue;
          }
          this.#fresh.set(node.uid, node);
        }
        hasLeft = true;
      }
    } finally {
      if (hasLeft) this.#ready = this.#ready.filter((node) => this.#isReady(node));
    }
  }

  #isReady(node: FleetNode): boolean {
    return this.#nodes.get(node.uid) === node && !this.#fresh.has(node.uid);
  }

  /** Puts every node whose wish is not known, or may have changed, where it belongs. */
  #sort(spec: FleetPolicySpec, now: Date): void {
    if (spec !== this.#spec) {
      this.#spec = spec;
      this.#ready = [];
      this.#asleep = [];
      this.#unprepared.clear();
      for (const node of this.#nodes.values()) if (mayBegin(node)) this.#fresh.set(node.uid, node);
    }
    for (
      let last = this.#asleep.at(-1);
      last !== undefined && last.untilMs <= now.getTime();
      last = this.#asleep.at(-1)
    ) {
      this.#asleep.pop();
      if (this.#nodes.get(last.node.uid) === last.node) this.#fresh.set(last.node.uid, last.node);
    }
    for (const node of this.#fresh.values()) this.#place(node, readyFor(node, spec, now), spec, now);
    this.#fresh.clear();
  }

  #place(node: FleetNode, wanted: Wanted, spec: FleetPolicySpec, now: Date): void {
    this.#unprepared.delete(node.uid);
    if (!isWait(wanted)) this.#insertReady(node);
    else if (wanted.cause === "prepare") this.#unprepared.set(node.uid, node);
    const untilMs = changesAt(node, spec, now);
    // What no time ends, ends with a change of the node, or of the policy.
    if (untilMs === undefined) return;
    const at = insertionPoint(this.#asleep, (each) => each.untilMs > untilMs);
    this.#asleep.splice(at, 0, { untilMs, node });
  }

  #insertReady(node: FleetNode): void {
    const at = insertionPoint(this.#ready, (each) => compare(each, node, this.#self) < 0);
    if (this.#ready[at] !== node) this.#ready.splice(at, 0, node);
  }

  #count(node: FleetNode, by: 1 | -1): void {
    if (node.order?.do === "prepare") this.preparing += by;
    if (counts(node)) this.total += by;
    const { report } = node;
    if (report === undefined) return;
    const variant = this.variants.get(report.variant) ?? { nodes: 0, canaries: 0 };
    this.variants.set(report.variant, variant);
    if (counts(node)) variant.nodes += by;
    if (counts(node) && node.canary) variant.canaries += by;
    if (!isProved(node)) return;
    const key = progressKey(report.variant, report.version);
    this.proved.set(key, (this.proved.get(key) ?? 0) + by);
  }
}

export function progressKey(variant: string, version: string): string {
  return `${variant} ${version}`;
}

/** When the node may be ready for something else than now, by the passing of time alone. */
function changesAt({ report, marks }: FleetNode, spec: FleetPolicySpec, now: Date): number | undefined {
  const times = [marks.tries?.after.getTime() ?? 0];
  for (const { opensAt, releasedAt } of report?.offers ?? []) {
    times.push(opensAt?.getTime() ?? 0, (releasedAt?.getTime() ?? 0) + spec.minimumAge);
  }
  const ahead = times.filter((ms) => ms > now.getTime());
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/** The first index whose item does not come before; `before` holds for a head of the list only. */
function insertionPoint<Item>(items: readonly Item[], before: (item: Item) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && before(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Nodes without pods first, then canaries, then zone by zone and by name; the operator's own last. */
function compare(a: FleetNode, b: FleetNode, self: string | undefined): number {
  const rank = (node: FleetNode): number => (node.name === self ? 3 : node.starting ? 0 : node.canary ? 1 : 2);
  return rank(a) - rank(b) || order(a.zone, b.zone) || order(a.name, b.name);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** It counts for budgets. */
function counts(node: FleetNode): boolean {
  return node.selected && !node.leaving;
}

function isAway(node: FleetNode): boolean {
  return !node.ready || node.cordon !== "none";
}

function mayBegin({ report, marks }: FleetNode): boolean {
  return report !== undefined && report.offers.length > 0 && marks.step === "Idle";
}

/** Nothing of ours is on it, and nothing is to be done before it is claimed. */
function isAtRest(node: FleetNode): boolean {
  if (node.marks.step !== "Idle" || node.cordon === "ours" || node.starting) return false;
  return node.order === undefined && !node.marks.excluded;
}

function isProved({ report, marks, ready, cordon }: FleetNode): boolean {
  if (report === undefined || report.onTrial || !ready || cordon !== "none") return false;
  return marks.step === "Idle" && marks.failed?.version !== report.version;
}
