/** What objects were, as far as an operator that still sees them so may write something on the strength of it. */
import type { FleetPolicy } from "../../../cluster/policy/fleet-policy.ts";
import type { FleetNode } from "../../../cluster/roll-out/snapshot.ts";
import { Memo, type ModelObjects } from "./model-objects.ts";

/** Numbers of pasts. */
export type PastsOfNode = { policies: number; nodes: number };

export class Pasts {
  readonly #objects: ModelObjects;
  readonly #exact: boolean;
  readonly #known = new Memo<PastsOfNode>();

  /** @param exact tells all past versions apart, also those that lead to nothing else */
  constructor(objects: ModelObjects, exact: boolean) {
    this.#objects = objects;
    this.#exact = exact;
  }

  /** Adds what is now to what was, and forgets of what was whatever can lead to nothing that the rest does not. */
  after({ policies, nodes }: PastsOfNode, policy: number, node: number, slot: number): PastsOfNode {
    return this.#known.get([policies, nodes, policy, node, slot], () => {
      const objects = this.#objects;
      const token = objects.policies.value(policy).ledger.claims.find(({ uid }) => uid === `u${slot}`)?.token;
      const { over } = objects.nodes.value(node).marks;
      return {
        policies: this.#distinct(policies, policy, (id) => policyView(objects.policies.value(id), slot, over)),
        nodes: this.#distinct(nodes, node, (id) => nodeView(objects.nodes.value(id), token)),
      };
    });
  }

  #distinct(past: number, current: number, view: (id: number) => string): number {
    const byView = new Map<string, number>();
    for (const id of [current, ...this.#objects.pasts.value(past)]) {
      const key = this.#exact ? String(id) : view(id);
      if (!byView.has(key)) byView.set(key, id);
    }
    return this.#objects.pasts.id([...byView.values()].toSorted((a, b) => a - b));
  }
}

/**
 * What of an old policy can lead to a write of a node: whether it keeps things from beginning, and a claim whose token is
 * not used up. No later claim has a token below its `nextToken`, so that no claim looks lost by it.
 */
function policyView({ ledger }: FleetPolicy, slot: number, over: number): string {
  const token = ledger.claims.find(({ uid }) => uid === `u${slot}`)?.token ?? 0;
  return JSON.stringify([token > over ? token : 0, ledger.halted !== undefined]);
}

/** What of an old node can lead to a write of the ledger: a place, a claim, a halt, the release of the present claim. */
function nodeView({ marks, cordon, report, order, ready, kubeletBoot }: FleetNode, token: number | undefined): string {
  const releases = token !== undefined && marks.step === "Idle" && marks.over >= token && cordon !== "ours";
  const idle = [
    cordon,
    ready,
    marks.failed?.version,
    marks.tries !== undefined,
    report?.offers,
    report?.staged,
    report?.onTrial,
  ];
  const works = [marks.step, order, report, marks.aim, marks.tries?.reboots, kubeletBoot];
  return JSON.stringify([releases, marks.step === "Idle" ? idle : works]);
}
