/**
 * A small fleet as a state machine over the shipping `decide` and `obey`, for a checker that walks all of its states.
 *
 * Time is a choice: a decision is made either before any deadline or after all of them. Whoever writes, writes one
 * thing; that nothing follows is a crash. Operators are any number, and each may see any object as it ever was, whatever
 * it sees of the others: only what it changes must be as it is now, since the API server compares. That includes caches
 * that are behind, that are behind each for itself, and that go back in time.
 */
import type { FleetNode } from "../../../cluster/roll-out/snapshot.ts";
import type { FleetPolicy } from "../../../cluster/policy/fleet-policy.ts";
import { fleetNode, fleetPolicy } from "../../worlds/fleet/snapshots.ts";
import { freshHost, reportOf, type HostModel } from "./host-model.ts";
import { LocalMoves } from "./local-moves.ts";
import { bare, type FleetModelOptions, ModelObjects, withoutTimes } from "./model-objects.ts";
import { OperatorEffects } from "./operator-effects.ts";
import { Pasts } from "./pasts.ts";

/** `[policy, crashes, person, resumptions, claims, (node, host, past policies, past nodes) for each node]`, all numbers. */
export type FleetState = readonly number[];
export type FleetMove = { label: string; next: FleetState };

const head = 5;
const perNode = 4;

export class FleetModel {
  readonly options: FleetModelOptions;
  readonly width: number;
  readonly #objects = new ModelObjects();
  readonly #local: LocalMoves;
  readonly #effects: OperatorEffects;
  readonly #pasts: Pasts;

  constructor(options: FleetModelOptions) {
    this.options = options;
    this.width = head + perNode * options.nodes;
    this.#local = new LocalMoves(this.#objects, options);
    this.#effects = new OperatorEffects(this.#objects, options);
    this.#pasts = new Pasts(this.#objects, options.exactPasts === true);
  }

  start(): FleetState {
    const { nodes, spec, crashes, person, resumptions, claims } = this.options;
    const policy = this.#objects.policies.id(withoutTimes(fleetPolicy(spec)));
    const node = this.#objects.nodes.id(
      bare(fleetNode("", { report: reportOf(freshHost, undefined), kubeletBoot: "b1" })),
    );
    const host = this.#objects.hosts.id(freshHost);
    const ofNode = [node, host, this.#objects.pasts.id([policy]), this.#objects.pasts.id([node])];
    return [policy, crashes, person, resumptions, claims, ...Array.from({ length: nodes }, () => ofNode).flat()];
  }

  /** All that may happen next. */
  moves(state: FleetState): FleetMove[] {
    const moves: FleetMove[] = [];
    for (let slot = 0; slot < this.options.nodes; slot++) {
      this.#localMoves(state, slot, moves);
      this.#nodeWrites(state, slot, moves);
    }
    this.#resume(state, moves);
    const claimsLeft = state[4] ?? 0;
    for (const { label, target, claims } of this.#ledger(state)) {
      if (claims > claimsLeft) continue;
      const next = this.#withPolicy(state, target);
      next[4] = claimsLeft - claims;
      moves.push({ label: `operator ${label}`, next });
    }
    return moves;
  }

  node(state: FleetState, slot: number): FleetNode {
    return this.#objects.nodes.value(state[head + perNode * slot] ?? 0);
  }

  host(state: FleetState, slot: number): HostModel {
    return this.#objects.hosts.value(state[head + 1 + perNode * slot] ?? 0);
  }

  policy(state: FleetState): FleetPolicy {
    return this.#objects.policies.value(state[0] ?? 0);
  }

  /** Nothing is left to be done or given back. */
  isAtRest(state: FleetState): boolean {
    if (this.policy(state).ledger.claims.length > 0) return false;
    for (let slot = 0; slot < this.options.nodes; slot++) {
      const { marks, cordon } = this.node(state, slot);
      if (marks.step !== "Idle" || cordon === "ours" || this.host(state, slot).onTrial) return false;
    }
    return true;
  }

  #localMoves(state: FleetState, slot: number, moves: FleetMove[]): void {
    const [node = 0, host = 0] = state.slice(head + perNode * slot);
    for (const move of this.#local.of(node, host)) {
      const [, crashes = 0, person = 0] = state;
      if (move.crashes > crashes || move.person > person) continue;
      const next = this.#withNode(state, slot, move.node, move.host);
      next[1] = crashes - move.crashes;
      next[2] = person - move.person;
      moves.push({ label: `n${slot} ${move.label}`, next });
    }
  }

  /** A person who has looked into a halt. An operator that sees an old node may halt the fleet once more. */
  #resume(state: FleetState, moves: FleetMove[]): void {
    const policy = this.policy(state);
    const { halted } = policy.ledger;
    const left = state[3] ?? 0;
    if (halted === undefined || policy.resume === halted.id || left === 0) return;
    const next = this.#withPolicy(state, this.#objects.policies.id({ ...policy, resume: halted.id }));
    next[3] = left - 1;
    moves.push({ label: "a person ends the halt", next });
  }

  /** Steps of a node follow from the Node as it is and the policy as it ever was. */
  #nodeWrites(state: FleetState, slot: number, moves: FleetMove[]): void {
    const [nodeNow = 0, hostId = 0, pastPolicies = 0, pastNodes = 0] = state.slice(head + perNode * slot);
    const seen = this.options.withoutCompare === true ? this.#objects.pasts.value(pastNodes) : [nodeNow];
    const host = this.#objects.hosts.value(hostId);
    for (const node of seen) {
      for (const policy of this.#objects.pasts.value(pastPolicies)) {
        const { writes, evicts } = this.#effects.onNode(policy, node, slot);
        for (const { label, target } of writes) {
          moves.push({
            label: `operator writes n${slot}: ${label}`,
            next: this.#withNode(state, slot, target, hostId),
          });
        }
        if (!evicts || !host.pods) continue;
        const drained = this.#objects.hosts.id({ ...host, pods: false });
        moves.push({ label: `operator evicts from n${slot}`, next: this.#withNode(state, slot, nodeNow, drained) });
      }
    }
  }

  /** What becomes of the ledger follows from the policy as it is, and from nodes as they ever were. */
  #ledger(state: FleetState) {
    const pasts = Array.from({ length: this.options.nodes }, (_, slot) => state[head + 3 + perNode * slot] ?? 0);
    const seen =
      this.options.withoutCompare === true ? this.#objects.pasts.value(state[head + 2] ?? 0) : [state[0] ?? 0];
    return seen.flatMap((policy) => this.#effects.onLedger(policy, pasts));
  }

  #withNode(state: FleetState, slot: number, node: number, host: number): number[] {
    const next = [...state];
    const at = head + perNode * slot;
    next[at] = node;
    next[at + 1] = host;
    if (node !== state[at]) this.#see(next, slot, state[0] ?? 0, node);
    return next;
  }

  #withPolicy(state: FleetState, policy: number): number[] {
    const next = [...state];
    next[0] = policy;
    for (let slot = 0; slot < this.options.nodes; slot++) {
      this.#see(next, slot, policy, state[head + perNode * slot] ?? 0);
    }
    return next;
  }

  #see(state: number[], slot: number, policy: number, node: number): void {
    const at = head + perNode * slot;
    const past = { policies: state[at + 2] ?? 0, nodes: state[at + 3] ?? 0 };
    const { policies, nodes } = this.#pasts.after(past, policy, node, slot);
    [state[at + 2], state[at + 3]] = [policies, nodes];
  }
}
