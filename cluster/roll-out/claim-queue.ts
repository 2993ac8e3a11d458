/** Who is claimed next: places in the budget, canaries before all others, one zone after the other, the operator's node last. */
import type { FleetNode } from "./snapshot.ts";
import { progressOf, type Survey, type VariantProgress } from "./survey.ts";
import type { Wait } from "./wait.ts";

export type Candidate = { node: FleetNode; version: string };

export class ClaimQueue {
  readonly #survey: Survey;
  readonly #progress: Map<string, VariantProgress>;
  readonly #zones: Set<string>;
  #claimed: number;

  constructor(survey: Survey) {
    this.#survey = survey;
    this.#claimed = survey.claims.size;
    this.#zones = new Set(survey.zones);
    this.#progress = new Map(
      [...survey.progress].map(([key, { proved, claimed }]) => [key, { proved, claimed: [...claimed] }]),
    );
  }

  get places(): number {
    return this.#survey.budget - this.#claimed - this.#survey.away.count;
  }

  /** What of the fleet keeps this node from being claimed now. A node without pods waits for neither window nor others. */
  holdOf({ node, version }: Candidate): Wait | undefined {
    const { barrier, window, snapshot, budget, away } = this.#survey;
    if (barrier !== undefined) return barrier;
    if (!node.starting) {
      if (!window.open) return { cause: "window", opensAt: window.opensAt };
      const canary = this.#canaryHold(node, version);
      if (canary !== undefined) return canary;
      const zone = this.#zoneHold(node);
      if (zone !== undefined) return zone;
    }
    if (this.places <= 0) {
      return { cause: "budget", budget, claimed: this.#claimed, away: away.names, awayCount: away.count };
    }
    return node.name === snapshot.self && this.#claimed > 0 ? { cause: "self" } : undefined;
  }

  take({ node, version }: Candidate): void {
    this.#claimed++;
    this.#zones.add(node.zone);
    progressOf(this.#progress, node.report?.variant ?? "", version).claimed.push(node.name);
  }

  /** Until enough of them have proved the version, one canary after the other. */
  #canaryHold(node: FleetNode, version: string): Wait | undefined {
    const { canaries, canarySelector } = this.#survey.snapshot.policy.spec.order;
    const variant = node.report?.variant ?? "";
    const known = this.#survey.variants.get(variant) ?? { nodes: 0, canaries: 0 };
    const selects = Object.keys(canarySelector).length > 0;
    const wanted = Math.min(canaries, selects ? known.canaries : known.nodes);
    const { proved, claimed } = progressOf(this.#progress, variant, version);
    const eligible = !selects || node.canary;
    if (proved >= wanted || (claimed.length === 0 && eligible)) return undefined;
    return { cause: "canary", version, proved, wanted, busy: claimed[0], eligible };
  }

  #zoneHold(node: FleetNode): Wait | undefined {
    if (this.#survey.snapshot.policy.spec.order.zones === "any" || this.#zones.has(node.zone)) return undefined;
    const [zone] = this.#zones;
    return zone === undefined ? undefined : { cause: "zone", zone };
  }
}

/** The order in which places are given: nodes without pods, canaries, zone by zone, by name; the operator's own last. */
export function inOrder(candidates: readonly Candidate[], self: string | undefined): Candidate[] {
  const rank = ({ node }: Candidate): number => (node.name === self ? 3 : node.starting ? 0 : node.canary ? 1 : 2);
  return candidates.toSorted(
    (a, b) => rank(a) - rank(b) || compare(a.node.zone, b.node.zone) || compare(a.node.name, b.node.name),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
