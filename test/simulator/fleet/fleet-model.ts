/**
 * A small fleet as a state machine over the shipping `decide` and `obey`, for a checker that walks all of its states.
 *
 * Time is a choice: a decision is made either before any deadline or after all of them. Whoever writes, writes one
 * thing; that nothing follows is a crash. Operators are any number, and each may see any object as it ever was, whatever
 * it sees of the others: only what it changes must be as it is now, since the API server compares. That includes caches
 * that are behind, that are behind each for itself, and that go back in time.
 */
import type { Drain, FleetNode, Snapshot } from "../../../cluster/roll-out/snapshot.ts";
import type { FleetPolicy } from "../../../cluster/policy/fleet-policy.ts";
import type { decide } from "../../../cluster/roll-out/decide.ts";
import type { obey } from "../../../host/node/obey.ts";
import { changed } from "../../../cluster/roll-out/apply-change.ts";
import { fleetNode, fleetPolicy, later, minuteMs, nodePod, now } from "../../worlds/fleet/snapshots.ts";
import { booted, freshHost, judged, leavingFor, ownState, rebooted, reportOf, type HostModel } from "./host-model.ts";
import { Interned } from "./interned.ts";

export type FleetModelOptions = {
  nodes: number;
  /** How the policy is written. */
  spec: unknown;
  /** What the version is like on a host. */
  version: "good" | "bad" | "either";
  /** How often hosts crash at any moment, and a person does something, in all. */
  crashes: number;
  person: number;
  /** How often a person ends a halt. */
  resumptions: number;
  /** Claims in all; more of the same would go on for ever. */
  claims: number;
  decide: typeof decide;
  obey: typeof obey;
  /** Writes succeed whatever was written in between: a mutant. */
  withoutCompare?: boolean;
  /** Tells all past versions apart, also those that lead to nothing else: for mutants, in which they may. */
  exactPasts?: boolean;
};

/** `[policy, crashes, person, resumptions, claims, (node, host, past policies, past nodes) for each node]`, all numbers. */
export type FleetState = readonly number[];
export type FleetMove = { label: string; next: FleetState };

/** What an operator may write; `target` is what it becomes. */
type Effect = { label: string; target: number; claims: number };
type NodeEffects = { writes: Effect[]; evicts: boolean };
/** What a host, its kubelet or a person may do to a node and its host. */
type LocalMove = { label: string; node: number; host: number; crashes: number; person: number };

const ahead = { early: now, late: later(10 * 24 * 60 * minuteMs) };
const gate = "gate";
const head = 5;
const perNode = 4;

export class FleetModel {
  readonly options: FleetModelOptions;
  readonly nodes = new Interned<FleetNode>();
  readonly hosts = new Interned<HostModel>();
  readonly policies = new Interned<FleetPolicy>();
  readonly pasts = new Interned<readonly number[]>();
  readonly #local = new Memo<LocalMove[]>();
  readonly #nodeEffects = new Memo<NodeEffects>();
  readonly #ledgerEffects = new Memo<Effect[]>();
  readonly #seen = new Memo<number[]>();
  readonly width: number;

  constructor(options: FleetModelOptions) {
    this.options = options;
    this.width = head + perNode * options.nodes;
  }

  start(): FleetState {
    const { nodes, spec, crashes, person, resumptions, claims } = this.options;
    const policy = this.policies.id(withoutTimes(fleetPolicy(spec)));
    const node = this.nodes.id(bare(fleetNode("", { report: reportOf(freshHost, undefined), kubeletBoot: "b1" })));
    const host = this.hosts.id(freshHost);
    const ofNode = [node, host, this.pasts.id([policy]), this.pasts.id([node])];
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
    return this.nodes.value(state[head + perNode * slot] ?? 0);
  }

  host(state: FleetState, slot: number): HostModel {
    return this.hosts.value(state[head + 1 + perNode * slot] ?? 0);
  }

  policy(state: FleetState): FleetPolicy {
    return this.policies.value(state[0] ?? 0);
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
    const all = this.#local.get([node, host], () => [
      ...this.#hostMoves(node, host),
      ...this.#obedience(node, host),
      ...this.#personMoves(node, host),
    ]);
    for (const move of all) {
      const [, crashes = 0, person = 0] = state;
      if (move.crashes > crashes || move.person > person) continue;
      const next = this.#withNode(state, slot, move.node, move.host);
      next[1] = crashes - move.crashes;
      next[2] = person - move.person;
      moves.push({ label: `n${slot} ${move.label}`, next });
    }
  }

  /** Kubelet and host report together: that one of them is later than the other is not in the model. */
  #hostMoves(nodeId: number, hostId: number): LocalMove[] {
    const [node, host] = [this.nodes.value(nodeId), this.hosts.value(hostId)];
    const to = (label: string, next: HostModel, object = node, crashes = 0): LocalMove => ({
      label,
      node: this.nodes.id(bare(object)),
      host: this.hosts.id(next),
      crashes,
      person: 0,
    });
    if (!host.up) return [to("boots", booted(host))];
    if (host.leaving) return [to("goes down", rebooted(host))];
    const moves: LocalMove[] = [to("crashes", rebooted(host), node, 1)];
    const { boot } = ownState(host);
    const report = reportOf(host, acceptedBy(host, node));
    if (JSON.stringify(report) !== JSON.stringify(node.report)) {
      moves.push(to("reports", host, { ...node, report, kubeletBoot: boot }));
    }
    if (host.onTrial && this.options.version !== "bad") moves.push(to("proves healthy", judged(host, true)));
    if (host.onTrial && this.options.version !== "good") moves.push(to("goes back", judged(host, false)));
    if (node.cordon === "none" && !host.pods) moves.push(to("gets pods", { ...host, pods: true }));
    return moves;
  }

  #obedience(nodeId: number, hostId: number): LocalMove[] {
    const [node, host] = [this.nodes.value(nodeId), this.hosts.value(hostId)];
    if (!host.up || host.leaving) return [];
    const accepted = acceptedBy(host, node);
    const own = {
      unschedulable: node.cordon !== "none",
      claim: node.marks.claim,
      over: node.marks.over,
      order: node.order,
      accepted,
      pods: host.pods ? [nodePod("web")] : [],
    };
    const to = (label: string, next: HostModel, report = node.report): LocalMove => ({
      label,
      node: this.nodes.id(bare({ ...node, report })),
      host: this.hosts.id(next),
      crashes: 0,
      person: 0,
    });
    return [ahead.early, ahead.late].flatMap((at) => {
      const answer = this.options.obey(ownState(host), own, at);
      if (answer.kind === "accept") return [to(`accepts ${answer.order.do}`, host, reportOf(host, answer.order.id))];
      if (answer.kind === "reboot") {
        const { version } = answer.order;
        return [to(`reboots by order into ${version}`, leavingFor(host, version))];
      }
      if ((answer.kind !== "refuse" && answer.kind !== "rest") || accepted === undefined) return [];
      return [to("takes its word back", host, reportOf(host, undefined))];
    });
  }

  #personMoves(nodeId: number, host: number): LocalMove[] {
    const node = this.nodes.value(nodeId);
    const cordon = node.cordon === "none" ? "another's" : "none";
    const label = `is ${cordon === "none" ? "uncordoned" : "cordoned"} by a person`;
    return [{ label, node: this.nodes.id({ ...node, cordon }), host, crashes: 0, person: 1 }];
  }

  /** A person who has looked into a halt. An operator that sees an old node may halt the fleet once more. */
  #resume(state: FleetState, moves: FleetMove[]): void {
    const policy = this.policy(state);
    const { halted } = policy.ledger;
    const left = state[3] ?? 0;
    if (halted === undefined || policy.resume === halted.id || left === 0) return;
    const next = this.#withPolicy(state, this.policies.id({ ...policy, resume: halted.id }));
    next[3] = left - 1;
    moves.push({ label: "a person ends the halt", next });
  }

  /** Steps of a node follow from the Node as it is and the policy as it ever was. */
  #nodeWrites(state: FleetState, slot: number, moves: FleetMove[]): void {
    const [nodeNow = 0, hostId = 0, pastPolicies = 0, pastNodes = 0] = state.slice(head + perNode * slot);
    const seen = this.options.withoutCompare === true ? this.pasts.value(pastNodes) : [nodeNow];
    const host = this.hosts.value(hostId);
    for (const node of seen) {
      for (const policy of this.pasts.value(pastPolicies)) {
        const { writes, evicts } = this.#nodeEffectsOf(policy, node, slot);
        for (const { label, target } of writes) {
          moves.push({
            label: `operator writes n${slot}: ${label}`,
            next: this.#withNode(state, slot, target, hostId),
          });
        }
        if (!evicts || !host.pods) continue;
        const drained = this.hosts.id({ ...host, pods: false });
        moves.push({ label: `operator evicts from n${slot}`, next: this.#withNode(state, slot, nodeNow, drained) });
      }
    }
  }

  #nodeEffectsOf(policy: number, node: number, slot: number): NodeEffects {
    return this.#nodeEffects.get([policy, node, slot], () => this.#nodeDecisions(policy, node, slot));
  }

  #nodeDecisions(policy: number, nodeId: number, slot: number): NodeEffects {
    const writes = new Map<number, Effect>();
    let evicts = false;
    for (const snapshot of this.#snapshots(policy, [[slot, nodeId]])) {
      for (const at of [ahead.early, ahead.late]) {
        for (const write of this.options.decide(snapshot, at)) {
          if (write.kind === "evict") evicts = true;
          if (write.kind !== "node") continue;
          const target = this.nodes.id(bare(changed(write.node, write.change)));
          writes.set(target, { label: write.reason, target, claims: 0 });
        }
      }
    }
    return { writes: [...writes.values()], evicts };
  }

  /** What becomes of the ledger follows from the policy as it is, and from nodes as they ever were. */
  #ledger(state: FleetState): Effect[] {
    const pasts = Array.from({ length: this.options.nodes }, (_, slot) => state[head + 3 + perNode * slot] ?? 0);
    const seen = this.options.withoutCompare === true ? this.pasts.value(state[head + 2] ?? 0) : [state[0] ?? 0];
    return seen.flatMap((policy) =>
      this.#ledgerEffects.get([policy, ...pasts], () => {
        const targets = new Map<number, Effect>();
        for (const nodes of combinations(pasts.map((past) => this.pasts.value(past)))) {
          for (const effect of this.#ledgerEffects.get([-1, policy, ...nodes], () =>
            this.#ledgerDecisions(policy, nodes),
          )) {
            targets.set(effect.target, effect);
          }
        }
        return [...targets.values()];
      }),
    );
  }

  #ledgerDecisions(policy: number, nodes: readonly number[]): Effect[] {
    const effects: Effect[] = [];
    for (const snapshot of this.#snapshots(
      policy,
      nodes.map((node, slot) => [slot, node]),
    )) {
      for (const at of [ahead.early, ahead.late]) {
        for (const write of this.options.decide(snapshot, at)) {
          if (write.kind !== "ledger") continue;
          const { nextToken } = snapshot.policy.ledger;
          const claims = write.ledger.claims.filter(({ token }) => token >= nextToken).length;
          const target = this.policies.id(withoutTimes({ ...snapshot.policy, ledger: write.ledger }));
          effects.push({ label: `writes the ledger: ${write.reason}`, target, claims });
        }
      }
    }
    return effects;
  }

  /** With each answer of the gate, and with pods and without: what is known of them may be old too. */
  #snapshots(policy: number, nodes: readonly (readonly [number, number])[]): Snapshot[] {
    const named = nodes.map(([slot, id]) => ({ ...this.nodes.value(id), name: `n${slot}`, uid: `u${slot}` }));
    const draining = named.filter(({ marks }) => marks.step === "Draining");
    const soaking = named.filter(({ marks }) => marks.step === "Soaking");
    const views = draining.length > 0 ? [true, false] : [false];
    const answers = soaking.length > 0 ? [true, false] : [true];
    return views.flatMap((pods) =>
      answers.map((holds): Snapshot => {
        const drain: Drain = { pods: pods ? [nodePod("web")] : [], volumes: [], evictions: new Map() };
        return {
          policy: this.policies.value(policy),
          nodes: named,
          drains: new Map(draining.map(({ name }) => [name, drain])),
          gates: new Map(soaking.map(({ name }) => [name, [{ gate, holds, since: now, reason: "" }]])),
          gone: new Set(),
          self: undefined,
        };
      }),
    );
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

  /** Adds what is now to what was, and forgets of what was whatever can lead to nothing that the rest does not. */
  #see(state: number[], slot: number, policy: number, node: number): void {
    const at = head + perNode * slot;
    const [policies, nodes] = [state[at + 2] ?? 0, state[at + 3] ?? 0];
    const seen = this.#seen.get([policies, nodes, policy, node, slot], () => {
      const current = this.policies.value(policy);
      const token = current.ledger.claims.find(({ uid }) => uid === `u${slot}`)?.token;
      const { over } = this.nodes.value(node).marks;
      return [
        this.#distinct(policies, policy, (id) => policyView(this.policies.value(id), slot, over)),
        this.#distinct(nodes, node, (id) => nodeView(this.nodes.value(id), token)),
      ];
    });
    state[at + 2] = seen[0] ?? 0;
    state[at + 3] = seen[1] ?? 0;
  }

  #distinct(past: number, current: number, view: (id: number) => string): number {
    const exact = this.options.exactPasts === true;
    const byView = new Map<string, number>();
    for (const id of [current, ...this.pasts.value(past)]) {
      const key = exact ? String(id) : view(id);
      if (!byView.has(key)) byView.set(key, id);
    }
    return this.pasts.id([...byView.values()].toSorted((a, b) => a - b));
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

function acceptedBy(host: HostModel, { report }: FleetNode): string | undefined {
  return report !== undefined && report.boot === ownState(host).boot ? report.accepted : undefined;
}

/** One of each list, in every way. */
function combinations(lists: readonly (readonly number[])[]): number[][] {
  return lists.reduce<number[][]>((all, list) => all.flatMap((each) => list.map((item) => [...each, item])), [[]]);
}

/** What follows from a few numbers, worked out once. */
class Memo<Value> {
  readonly #known = new Map<string, Value>();

  get(key: readonly number[], make: () => Value): Value {
    const text = key.join();
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const made = make();
    this.#known.set(text, made);
    return made;
  }
}

/** A Node without what tells two equal ones apart: names, and times, of which only before and after count. */
function bare(node: FleetNode): FleetNode {
  const { marks, order } = node;
  const { failed, tries } = marks;
  return {
    ...node,
    name: "",
    uid: "",
    readySince: now,
    order: order === undefined ? undefined : { ...order, until: later(minuteMs) },
    marks: {
      ...marks,
      since: marks.since === undefined ? undefined : now,
      failed: failed === undefined ? undefined : { ...failed, reason: "", at: now },
      tries:
        tries === undefined
          ? undefined
          : { ...tries, drains: Math.min(1, tries.drains), reason: "", after: later(minuteMs) },
    },
  };
}

function withoutTimes(policy: FleetPolicy): FleetPolicy {
  const { claims, halted, ...ledger } = policy.ledger;
  return {
    ...policy,
    ledger: {
      ...ledger,
      claims: claims.map((claim) => ({ ...claim, since: now })),
      ...(halted === undefined ? {} : { halted: { ...halted, reason: "", at: now } }),
    },
  };
}
