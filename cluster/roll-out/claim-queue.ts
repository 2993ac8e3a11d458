/** Who is claimed next: places in the budget, canaries before all others, one zone after the other, the operator's node last. */
import type { FleetNode } from "./snapshot.ts";
import { progressKey } from "./roster.ts";
import type { Survey } from "./survey.ts";
import type { Wait } from "./wait.ts";

export type Candidate = { node: FleetNode; version: string };

export class ClaimQueue {
  readonly #survey: Survey;
  /** By variant and version, as in the survey. */
  readonly #names: Map<string, readonly string[]>;
  readonly #zones: Set<string>;
  #claimed: number;

  constructor(survey: Survey) {
    this.#survey = survey;
    this.#claimed = survey.claims.size;
    this.#zones = new Set(survey.zones);
    this.#names = new Map(survey.claimed);
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
    const key = progressKey(node.report?.variant ?? "", version);
    this.#names.set(key, [...(this.#names.get(key) ?? []), node.name]);
  }

  /** Until enough of them have proved the version, one canary after the other. */
  #canaryHold(node: FleetNode, version: string): Wait | undefined {
    const { snapshot, roster } = this.#survey;
    const { canaries, canarySelector } = snapshot.policy.spec.order;
    const key = progressKey(node.report?.variant ?? "", version);
    const proved = roster.proved.get(key) ?? 0;
    if (proved >= canaries) return undefined;
    const known = roster.variants.get(node.report?.variant ?? "") ?? { nodes: 0, canaries: 0 };
    const selects = Object.keys(canarySelector).length > 0;
    const wanted = Math.min(canaries, selects ? known.canaries : known.nodes);
    const claimed = this.#names.get(key) ?? [];
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
