/**
 * A fleet in virtual time: the shipping `judge` says what a host is offered, `decide` what the operator writes, `obey`
 * what the host does. What the world does is drawn from a seed, so that the seed is the whole story.
 *
 * The operator sees the fleet as it is; that it may see an old one is for the exhaustive checker.
 */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { NodePod } from "../../api/fleet/node-pods.ts";
import { assert } from "../../lib/failure.ts";
import { obey } from "../../host/node/obey.ts";
import type { Machines, Manifest } from "../../repo/manifest.ts";
import { FleetLedger, type FleetPolicy, type FleetPolicySpec } from "../policy/fleet-policy.ts";
import { changed } from "../roll-out/apply-change.ts";
import { decide } from "../roll-out/decide.ts";
import { budgetOf } from "../roll-out/survey.ts";
import { noMarks } from "../roll-out/marks.ts";
import { Roster } from "../roll-out/roster.ts";
import type { Drain, FleetNode, Snapshot } from "../roll-out/snapshot.ts";
import { waits } from "../roll-out/standing.ts";
import type { Cause } from "../roll-out/wait.ts";
import type { Write } from "../roll-out/write.ts";
import { EventQueue } from "./event-queue.ts";
import type { FleetFaults } from "./scenario.ts";
import { bootId, hostReport, hostState, OfferedVersions, type SimulatedHost } from "./simulated-host.ts";

export type FleetScenario = {
  nodes: number;
  seed: number;
  spec: FleetPolicySpec;
  manifest: Manifest;
  machines: Machines;
  /** What every host runs at the start. */
  running: string;
  faults: FleetFaults;
  start: Date;
  lengthMs: number;
};

export type FleetSample = { atMs: number; updated: number; away: number; claimed: number };

export type FleetOutcome = {
  samples: FleetSample[];
  /** When so many percent of the hosts ran what they were to run, after the start. */
  reached: { percent: number; afterMs: number | undefined }[];
  budget: number;
  mostAway: number;
  /** By version: hosts that ever ran it. */
  ran: Record<string, number>;
  halts: { atMs: number; node: string; version: string; reason: string; hostsWithIt: number }[];
  /** Hours that nodes spent waiting, by what for. */
  waitedHours: Partial<Record<Cause, number>>;
  passes: number;
  events: number;
};

/** Operators are woken by changes, and gather them so long. */
const passMs = 30_000;
/** Deadlines are noticed at this pace when nothing else happens. */
const idlePassMs = 300_000;
const sampleMs = 900_000;
const censusMs = 6 * 3_600_000;
const reactionMs = 2_000;
const landmarks = [50, 90, 99, 100];

const noVersions: SimulatedHost["held"] = [];

export class FleetSimulation {
  readonly #scenario: FleetScenario;
  readonly #random: ReturnType<typeof xoroshiro128plus>;
  readonly #queue = new EventQueue();
  readonly #roster = new Roster([]);
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #drains = new Map<string, Drain>();
  /** Hosts whose workloads fail with what they run. */
  readonly #ill = new Set<string>();
  readonly #offered: OfferedVersions;
  readonly #endMs: number;
  #policy: FleetPolicy;
  #nowMs: number;
  #dirty = true;
  #passAtMs = 0;
  #updated = 0;
  #cordoned = 0;
  readonly #outcome: FleetOutcome;

  constructor(scenario: FleetScenario) {
    this.#scenario = scenario;
    this.#random = xoroshiro128plus(scenario.seed);
    this.#offered = new OfferedVersions(scenario.manifest, scenario.machines);
    this.#nowMs = scenario.start.getTime();
    this.#endMs = this.#nowMs + scenario.lengthMs;
    this.#policy = policyOf(scenario.spec);
    this.#outcome = {
      samples: [],
      reached: landmarks.map((percent) => ({ percent, afterMs: undefined })),
      budget: 0,
      mostAway: 0,
      ran: {},
      halts: [],
      waitedHours: {},
      passes: 0,
      events: 0,
    };
    for (let at = 0; at < scenario.nodes; at++) this.#addHost(at);
    this.#every(sampleMs, () => this.#sample());
    this.#every(censusMs, () => this.#census());
  }

  /** @param onProgress how much virtual time is over, now and then */
  run(signal: AbortSignal, onProgress: (atMs: number) => void): FleetOutcome {
    let toldEvents = 0;
    while (this.#nowMs < this.#endMs) {
      const passMs = this.#dirty ? this.#passAtMs : this.#passAtMs + idlePassMs;
      if (this.#queue.nextMs <= passMs) {
        const event = this.#queue.take();
        if (event === undefined) break;
        this.#nowMs = Math.max(this.#nowMs, event.atMs);
        this.#outcome.events++;
        event.run();
      } else {
        this.#nowMs = Math.max(this.#nowMs, passMs);
        this.#pass();
      }
      if (this.#outcome.events - toldEvents > 8_000) {
        toldEvents = this.#outcome.events;
        signal.throwIfAborted();
        // Every change makes a new object; left alone, the old ones take more than the fleet itself.
        Bun.gc(true);
        onProgress(this.#nowMs - this.#scenario.start.getTime());
      }
    }
    this.#sample();
    return this.#outcome;
  }

  #addHost(at: number): void {
    const { running, faults, start } = this.#scenario;
    const name = `node-${String(at).padStart(6, "0")}`;
    const host: SimulatedHost = {
      name,
      uid: name,
      boot: 1,
      version: running,
      seed: this.#draw(0, 2047),
      staged: undefined,
      fallback: undefined,
      onTrial: false,
      held: noVersions,
      accepted: undefined,
      looked: false,
    };
    this.#hosts.set(name, host);
    this.#roster.set({
      name,
      uid: name,
      resourceVersion: "",
      createdAt: start,
      zone: `zone-${at % faults.zones}`,
      selected: true,
      canary: false,
      ready: true,
      readySince: start,
      kubeletBoot: bootId(host),
      cordon: "none",
      leaving: false,
      starting: false,
      offLoadBalancers: false,
      report: undefined,
      order: undefined,
      marks: noMarks,
    });
    this.#queue.put(this.#nowMs + this.#draw(0, faults.look), () => this.#look(host));
  }

  #look(host: SimulatedHost): void {
    host.looked = true;
    this.#report(host);
  }

  #report(host: SimulatedHost): void {
    const offers = this.#offered.of(host, this.#now);
    this.#change(host.uid, { report: hostReport(host, this.#scenario.machines, offers) });
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
    this.#passAtMs = Math.max(this.#passAtMs + passMs, this.#nowMs);
  }

  /** One look of the operator at its fleet. All its writes succeed: nobody else writes in between. */
  #pass(): void {
    this.#outcome.passes++;
    this.#dirty = false;
    this.#passAtMs = this.#nowMs;
    const writes = decide(this.#snapshot([]), this.#now, this.#roster);
    for (const write of writes) this.#apply(write);
    this.#outcome.budget = budgetOf(this.#scenario.spec.maxUnavailable, this.#roster.total);
    this.#outcome.mostAway = Math.max(this.#outcome.mostAway, this.#cordoned);
    assert(this.#cordoned <= this.#outcome.budget, `I1: ${this.#cordoned} nodes away, ${this.#outcome.budget} allowed`);
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
        const holds = !this.#ill.has(name);
        const reason = holds ? "" : "its workloads fail";
        return [name, spec.soak.gates.map((gate) => ({ gate: gate.name, holds, since: start, reason }))];
      }),
    );
  }

  #apply(write: Write): void {
    this.#wake();
    if (write.kind === "ledger") return this.#keep(write.ledger);
    if (write.kind === "evict") return this.#evict(write.node.name, write.pod);
    if (write.kind !== "node") return;
    const { node, change } = write;
    assert(this.#roster.get(node.uid) === node, `${node.name} is written twice in a pass`);
    const next = changed(node, change);
    assert(node.cordon !== "another's" || next.cordon === "another's", `I4: ${node.name} is uncordoned`);
    if (next.cordon !== node.cordon) this.#cordoned += next.cordon === "ours" ? 1 : -1;
    if (next.marks.step !== "Idle") this.#assertClaimed(next);
    this.#roster.set(next);
    if (next.marks.step === "Draining" && node.marks.step !== "Draining") {
      this.#drains.set(node.name, { pods: [podOf(node.name)], volumes: [], evictions: new Map() });
    } else if (next.marks.step !== "Draining") this.#drains.delete(node.name);
    const host = this.#hosts.get(node.name);
    if (host !== undefined && next.order !== undefined && next.order !== node.order) {
      this.#queue.put(this.#nowMs + reactionMs, () => this.#obey(host));
    }
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
      const { node, version, reason } = ledger.halted;
      const hostsWithIt = this.#outcome.ran[version] ?? 0;
      this.#outcome.halts.push({ atMs: this.#elapsedMs, node, version, reason, hostsWithIt });
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
    const held = this.#chance(this.#scenario.faults["held-drains"]);
    const since = this.#now;
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
    this.#after(this.#scenario.faults.drain, () => {
      if (this.#drains.has(name)) this.#drains.set(name, { pods: [], volumes: [], evictions: new Map() });
      this.#wake();
    });
  }

  #obey(host: SimulatedHost): void {
    const node = this.#roster.get(host.uid);
    if (node === undefined) return;
    const state = hostState(host, this.#offered.of(host, this.#now), this.#now);
    const pods = this.#drains.get(host.name)?.pods ?? [];
    const { claim, over } = node.marks;
    const own = {
      unschedulable: node.cordon !== "none",
      claim,
      over,
      order: node.order,
      accepted: host.accepted,
      pods,
    };
    const answer = obey(state, own, this.#now);
    if (answer.kind === "prepare") {
      return this.#after(this.#scenario.faults.download, () => {
        host.staged = answer.order.version;
        this.#report(host);
      });
    }
    if (answer.kind === "accept") {
      host.accepted = answer.order.id;
      this.#report(host);
      return this.#obey(host);
    }
    if (answer.kind !== "reboot") return;
    assert(node.cordon === "ours" && pods.length === 0, `I2: ${host.name} reboots with pods on it`);
    this.#assertClaimed(node);
    this.#reboot(host, answer.order.version);
  }

  #reboot(host: SimulatedHost, version: string): void {
    assert(host.version !== version, `I3: ${host.name} reboots into ${version}, which it runs`);
    const before = host.version;
    this.#change(host.uid, { ready: false, readySince: this.#now });
    if (this.#chance(this.#scenario.faults["lost-hosts"])) return;
    this.#after(this.#scenario.faults.reboot, () => {
      const goesBack = host.fallback === version;
      this.#ill.delete(host.name);
      this.#boots(host, version);
      host.staged = undefined;
      host.fallback = before;
      host.onTrial = !goesBack;
      if (goesBack) {
        host.held = [...host.held, { version: before, reason: "left by order" }];
        this.#updated--;
      }
      this.#report(host);
      if (!goesBack) this.#after(this.#scenario.faults.prove, () => this.#judge(host, before));
    });
  }

  #boots(host: SimulatedHost, version: string): void {
    host.boot++;
    host.accepted = undefined;
    host.version = version;
    this.#outcome.ran[version] = (this.#outcome.ran[version] ?? 0) + 1;
    this.#change(host.uid, { ready: true, readySince: this.#now, kubeletBoot: bootId(host) });
  }

  /** The host's own gate: it stays, or the other set boots again. */
  #judge(host: SimulatedHost, before: string): void {
    const fault = this.#scenario.faults.bad.find(({ version }) => version === host.version);
    const isBad = fault !== undefined && this.#chance(fault.share);
    if (!isBad || fault.shows === "soak") {
      if (isBad) this.#ill.add(host.name);
      host.onTrial = false;
      this.#updated++;
      this.#reach();
      return this.#report(host);
    }
    const left = host.version;
    this.#change(host.uid, { ready: false, readySince: this.#now });
    this.#after(this.#scenario.faults.reboot, () => {
      host.boot++;
      host.version = before;
      host.fallback = undefined;
      host.onTrial = false;
      host.held = [...host.held, { version: left, reason: "not healthy in time" }];
      this.#change(host.uid, { ready: true, readySince: this.#now, kubeletBoot: bootId(host) });
      this.#report(host);
    });
  }

  #reach(): void {
    for (const each of this.#outcome.reached) {
      const wanted = Math.ceil((each.percent / 100) * this.#scenario.nodes);
      if (each.afterMs === undefined && this.#updated >= wanted) each.afterMs = this.#elapsedMs;
    }
  }

  #sample(): void {
    const claimed = this.#policy.ledger.claims.length;
    this.#outcome.samples.push({ atMs: this.#elapsedMs, updated: this.#updated, away: this.#cordoned, claimed });
  }

  #census(): void {
    const hours = censusMs / 3_600_000;
    const { waitedHours } = this.#outcome;
    for (const { cause } of waits(this.#snapshot([...this.#roster.values()]), this.#now, this.#roster)) {
      waitedHours[cause] = (waitedHours[cause] ?? 0) + hours;
    }
  }

  #every(ms: number, run: () => void): void {
    this.#queue.put(this.#nowMs + ms, () => {
      run();
      this.#every(ms, run);
    });
  }

  #after([least, most]: readonly [number, number], run: () => void): void {
    this.#queue.put(this.#nowMs + this.#draw(least, Math.max(least, most)), run);
  }

  #draw(least: number, most: number): number {
    return uniformInt(this.#random, least, most);
  }

  #chance(percent: number): boolean {
    return percent > 0 && this.#draw(0, 999_999) < percent * 10_000;
  }

  get #now(): Date {
    return new Date(this.#nowMs);
  }

  get #elapsedMs(): number {
    return this.#nowMs - this.#scenario.start.getTime();
  }
}

function policyOf(spec: FleetPolicySpec): FleetPolicy {
  return {
    name: "simulated",
    uid: "simulated",
    resourceVersion: "",
    spec,
    ledger: FleetLedger.parse({}),
    stop: undefined,
    resume: undefined,
    deleting: false,
    finalizer: true,
  };
}

function podOf(name: string): NodePod {
  return {
    namespace: "default",
    name: `web-${name}`,
    uid: `web-${name}`,
    phase: "Running",
    owner: undefined,
    mirror: false,
    stays: false,
    deletedAt: undefined,
  };
}
