/** What an operator may write, whatever it sees: by the shipping `decide`, worked out once for each view. */
import type { Drain, Snapshot } from "../../../cluster/roll-out/snapshot.ts";
import { changed } from "../../../cluster/roll-out/apply-change.ts";
import { nodePod, now } from "../../worlds/fleet/snapshots.ts";
import { bare, type FleetModelOptions, Memo, type ModelObjects, moments, withoutTimes } from "./model-objects.ts";

/** `target` is the number of what is written then. */
export type OperatorWrite = { label: string; target: number; claims: number };
type NodeEffects = { writes: OperatorWrite[]; evicts: boolean };

const gate = "gate";

export class OperatorEffects {
  readonly #objects: ModelObjects;
  readonly #options: FleetModelOptions;
  readonly #ofNode = new Memo<NodeEffects>();
  readonly #ofLedger = new Memo<OperatorWrite[]>();

  constructor(objects: ModelObjects, options: FleetModelOptions) {
    this.#objects = objects;
    this.#options = options;
  }

  onNode(policy: number, node: number, slot: number): NodeEffects {
    return this.#ofNode.get([policy, node, slot], () => this.#nodeDecisions(policy, node, slot));
  }

  /** @param pasts by slot, of the nodes */
  onLedger(policy: number, pasts: readonly number[]): readonly OperatorWrite[] {
    return this.#ofLedger.get([policy, ...pasts], () => {
      const targets = new Map<number, OperatorWrite>();
      for (const nodes of combinations(pasts.map((past) => this.#objects.pasts.value(past)))) {
        const effects = this.#ofLedger.get([-1, policy, ...nodes], () => this.#ledgerDecisions(policy, nodes));
        for (const effect of effects) targets.set(effect.target, effect);
      }
      return [...targets.values()];
    });
  }

  #nodeDecisions(policy: number, nodeId: number, slot: number): NodeEffects {
    const writes = new Map<number, OperatorWrite>();
    let evicts = false;
    for (const snapshot of this.#snapshots(policy, [[slot, nodeId]])) {
      for (const at of moments) {
        for (const write of this.#options.decide(snapshot, at)) {
          if (write.kind === "evict") evicts = true;
          if (write.kind !== "node") continue;
          const target = this.#objects.nodes.id(bare(changed(write.node, write.change)));
          writes.set(target, { label: write.reason, target, claims: 0 });
        }
      }
    }
    return { writes: [...writes.values()], evicts };
  }

  #ledgerDecisions(policy: number, nodes: readonly number[]): OperatorWrite[] {
    const effects: OperatorWrite[] = [];
    for (const snapshot of this.#snapshots(
      policy,
      nodes.map((node, slot) => [slot, node]),
    )) {
      for (const at of moments) {
        for (const write of this.#options.decide(snapshot, at)) {
          if (write.kind !== "ledger") continue;
          const { nextToken } = snapshot.policy.ledger;
          const claims = write.ledger.claims.filter(({ token }) => token >= nextToken).length;
          const target = this.#objects.policies.id(withoutTimes({ ...snapshot.policy, ledger: write.ledger }));
          effects.push({ label: `writes the ledger: ${write.reason}`, target, claims });
        }
      }
    }
    return effects;
  }

  /** With each answer of the gate, and with pods and without: what is known of them may be old too. */
  #snapshots(policy: number, nodes: readonly (readonly [number, number])[]): Snapshot[] {
    const named = nodes.map(([slot, id]) => ({ ...this.#objects.nodes.value(id), name: `n${slot}`, uid: `u${slot}` }));
    const draining = named.filter(({ marks }) => marks.step === "Draining");
    const soaking = named.filter(({ marks }) => marks.step === "Soaking");
    const views = draining.length > 0 ? [true, false] : [false];
    const answers = soaking.length > 0 ? [true, false] : [true];
    return views.flatMap((pods) =>
      answers.map((holds): Snapshot => {
        const drain: Drain = { pods: pods ? [nodePod("web")] : [], volumes: [], evictions: new Map() };
        return {
          policy: this.#objects.policies.value(policy),
          nodes: named,
          drains: new Map(draining.map(({ name }) => [name, drain])),
          gates: new Map(soaking.map(({ name }) => [name, [{ gate, holds, since: now, reason: "" }]])),
          gone: new Set(),
          self: undefined,
        };
      }),
    );
  }
}

/** One of each list, in every way. */
function combinations(lists: readonly (readonly number[])[]): number[][] {
  return lists.reduce<number[][]>((all, list) => all.flatMap((each) => list.map((item) => [...each, item])), [[]]);
}
