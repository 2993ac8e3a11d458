/**
 * A fleet in virtual time: the shipping `judge` says what a host is offered, `decide` what the operator writes, `obey`
 * what the host does. What the world does is drawn from a seed, so that the seed is the whole story.
 *
 * The operator sees the fleet as it is; that it may see an old one is for the exhaustive checker.
 */
import type { NodePod } from "../../api/fleet/node-pods.ts";
import type { RecordedEvent } from "../../kubernetes/events.ts";
import { assert } from "../../lib/failure.ts";
import type { FleetLedger, FleetPolicy } from "../policy/fleet-policy.ts";
import { changed } from "../roll-out/apply-change.ts";
import { decide } from "../roll-out/decide.ts";
import { budgetOf } from "../roll-out/survey.ts";
import { Roster } from "../roll-out/roster.ts";
import type { Drain, FleetNode, Snapshot } from "../roll-out/snapshot.ts";
import { waits } from "../roll-out/standing.ts";
import type { Write } from "../roll-out/write.ts";
import { type FleetOutcome, FleetRecord } from "./fleet-outcome.ts";
import { HostLives } from "./host-lives.ts";
import type { FleetScenario } from "./scenario.ts";
import { bootId } from "./simulated-host.ts";
import { newNode, podOf, policyOf } from "./simulated-objects.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Operators are woken by changes, and gather them so long. */
const passMs = 30_000;
/** Deadlines are noticed at this pace when nothing else happens. */
const idlePassMs = 300_000;
const sampleMs = 900_000;
const censusMs = 6 * 3_600_000;
const reactionMs = 2_000;
/** Every change makes a new object; left alone, the old ones take more than the fleet itself. */
const eventsPerSweep = 6_000;

export class FleetSimulation {
  readonly #scenario: FleetScenario;
  readonly #time: VirtualTime;
  readonly #record: FleetRecord;
  readonly #hosts: HostLives;
  readonly #roster = new Roster([]);
  readonly #drains = new Map<string, Drain>();
  readonly #endMs: number;
  readonly #note: (event: RecordedEvent) => void;
  #policy: FleetPolicy;
  #dirty = true;
  #passAtMs = 0;

  /** @param note what the operator does, as it would stand in the cluster's events */
  constructor(scenario: FleetScenario, note: (event: RecordedEvent) => void = () => undefined) {
    this.#scenario = scenario;
    this.#note = note;
    this.#time = new VirtualTime(scenario.start, scenario.seed);
    this.#record = new FleetRecord(scenario.nodes);
    this.#endMs = this.#time.nowMs + scenario.lengthMs;
    this.#policy = policyOf(scenario.spec);
    this.#hosts = new HostLives(scenario, this.#time, this.#record, {
      node: (uid) => this.#roster.get(uid),
      podsOn: (name) => this.#drains.get(name)?.pods ?? [],
      change: (uid, change) => this.#change(uid, change),
      assertClaimed: (node) => this.#assertClaimed(node),
    });
    for (let at = 0; at < scenario.nodes; at++) this.#addNode(at);
    this.#time.every(sampleMs, () => this.#sample());
    this.#time.every(censusMs, () => this.#census());
  }

  /** @param onProgress how much virtual time is over, now and then */
  run(signal: AbortSignal, onProgress: (atMs: number) => void): FleetOutcome {
    const time = this.#time;
    let sweptEvents = 0;
    while (time.nowMs < this.#endMs) {
      this.#goOn();
      if (time.events - sweptEvents > eventsPerSweep) {
        sweptEvents = time.events;
        signal.throwIfAborted();
        Bun.gc(true);
        onProgress(time.elapsedMs);
      }
    }
    this.#sample();
    return { ...this.#record.outcome, events: time.events };
  }

  get now(): Date {
    return this.#time.now;
  }

  get isOver(): boolean {
    return this.#time.nowMs >= this.#endMs;
  }

  /** Lives on until a time, or until its end. */
  advanceTo(ms: number): void {
    const untilMs = Math.min(ms, this.#endMs);
    while (Math.min(this.#time.nextMs, this.#nextPassMs) <= untilMs) this.#goOn();
    this.#time.advanceTo(untilMs);
  }

  /** The fleet as the operator sees it, by name. */
  get snapshot(): Snapshot {
    return this.#snapshot([...this.#roster.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  }

  /** As a person does with the annotation of the policy. */
  stop(reason: string): void {
    this.#policy = { ...this.#policy, stop: reason };
    this.#wake();
  }

  get #nextPassMs(): number {
    return this.#dirty ? this.#passAtMs : this.#passAtMs + idlePassMs;
  }

  /** What is next, an event or a look of the operator. */
  #goOn(): void {
    const nextPassMs = this.#nextPassMs;
    if (this.#time.nextMs <= nextPassMs) return this.#time.runNext();
    this.#time.advanceTo(nextPassMs);
    this.#pass();
  }

  #addNode(at: number): void {
    const { faults, start } = this.#scenario;
    const host = this.#hosts.add(`node-${String(at).padStart(6, "0")}`);
    const zone = `zone-${at % faults.zones}`;
    this.#roster.set(newNode(host.name, { zone, createdAt: start, kubeletBoot: bootId(host) }));
  }

  #change(uid: string, change: Partial<FleetNode>): void {
    const node = this.#roster.get(uid);
    if (node === undefined) return;
    this.#roster.set({ ...node, ...change });
    this.#wake();
  }

  #wake(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#passAtMs = Math.max(this.#passAtMs + passMs, this.#time.nowMs);
  }

  /** One look of the operator at its fleet. All its writes succeed: nobody else writes in between. */
  #pass(): void {
    this.#dirty = false;
    this.#passAtMs = this.#time.nowMs;
    const writes = decide(this.#snapshot([]), this.#time.now, this.#roster);
    for (const write of writes) this.#apply(write);
    const budget = budgetOf(this.#scenario.spec.maxUnavailable, this.#roster.total);
    this.#record.looked(budget);
    assert(this.#record.away <= budget, `I1: ${this.#record.away} nodes away, ${budget} allowed`);
  }

  #snapshot(nodes: readonly FleetNode[]): Snapshot {
    return {
      policy: this.#policy,
      nodes,
      drains: this.#drains,
      gates: this.#gates(),
      gone: new Set(),
      self: undefined,
    };
  }

  /** All gates of a node hold, unless its version is bad for its workloads. */
  #gates(): Snapshot["gates"] {
    const { spec, start } = this.#scenario;
    if (spec.soak.gates.length === 0) return new Map();
    const soaking = [...this.#roster.active.values()].filter(({ marks }) => marks.step === "Soaking");
    return new Map(
      soaking.map(({ name }) => {
        const holds = !this.#hosts.workloadsFail(name);
        const reason = holds ? "" : "its workloads fail";
        return [name, spec.soak.gates.map((gate) => ({ gate: gate.name, holds, since: start, reason }))];
      }),
    );
  }

  #apply(write: Write): void {
    this.#wake();
    if (write.kind === "node" || write.kind === "ledger") this.#noteDown(write);
    if (write.kind === "ledger") return this.#keep(write.ledger);
    if (write.kind === "evict") return this.#evict(write.node.name, write.pod);
    if (write.kind !== "node") return;
    const { node, change } = write;
    assert(this.#roster.get(node.uid) === node, `${node.name} is written twice in a pass`);
    const next = changed(node, change);
    assert(node.cordon !== "another's" || next.cordon === "another's", `I4: ${node.name} is uncordoned`);
    if (next.cordon !== node.cordon) this.#noteCordon(next);
    if (next.marks.step !== "Idle") this.#assertClaimed(next);
    this.#roster.set(next);
    if (next.marks.step === "Draining" && node.marks.step !== "Draining") {
      this.#drains.set(node.name, { pods: [podOf(node.name)], volumes: [], evictions: new Map() });
    } else if (next.marks.step !== "Draining") this.#drains.delete(node.name);
    if (next.order !== undefined && next.order !== node.order) {
      this.#time.in(reactionMs, () => this.#hosts.obey(node.name));
    }
  }

  #noteDown(write: Extract<Write, { kind: "node" | "ledger" }>): void {
    const about =
      write.kind === "node"
        ? { kind: "Node", name: write.node.name }
        : { kind: "FleetPolicy", name: this.#policy.name };
    this.#note({ at: this.#time.now.toISOString(), ...about, reason: write.reason, message: write.note });
  }

  #noteCordon({ name, cordon }: FleetNode): void {
    if (cordon === "ours") this.#record.cordoned(name, this.#time.nowMs);
    else this.#record.uncordoned(name, this.#time.nowMs);
  }

  #keep(ledger: FleetLedger): void {
    const before = this.#policy.ledger;
    if (before.halted !== undefined) {
      assert(
        ledger.claims.every(({ uid }) => before.claims.some((claim) => claim.uid === uid)),
        "I5: claimed after a halt",
      );
    }
    if (ledger.halted !== undefined && before.halted === undefined) {
      this.#record.halted(this.#time.elapsedMs, ledger.halted);
    }
    this.#policy = { ...this.#policy, ledger };
  }

  #assertClaimed({ name, uid, marks }: FleetNode): void {
    const claim = this.#policy.ledger.claims.find((each) => each.uid === uid);
    assert(claim?.token === marks.claim, `I6: ${name} is ${marks.step} without its claim`);
  }

  /** Some budgets never allow it; other pods take their time. */
  #evict(name: string, pod: NodePod): void {
    const drain = this.#drains.get(name);
    if (drain === undefined) return;
    const held = this.#time.chance(this.#scenario.faults["held-drains"]);
    const since = this.#time.now;
    const answer = held
      ? {
          kind: "refused" as const,
          reason: "its disruption budget allows none",
          budget: "web",
          since,
          retryAt: new Date(this.#endMs),
        }
      : { kind: "accepted" as const, at: since };
    this.#drains.set(name, { ...drain, evictions: new Map([[pod.uid, answer]]) });
    if (held) return;
    this.#time.after(this.#scenario.faults.drain, () => {
      if (this.#drains.has(name)) this.#drains.set(name, { pods: [], volumes: [], evictions: new Map() });
      this.#wake();
    });
  }

  #sample(): void {
    this.#record.sample(this.#time.elapsedMs, this.#policy.ledger.claims.length);
  }

  #census(): void {
    const hours = censusMs / 3_600_000;
    const snapshot = this.#snapshot([...this.#roster.values()]);
    for (const { cause } of waits(snapshot, this.#time.now, this.#roster)) this.#record.waited(cause, hours);
  }
}
