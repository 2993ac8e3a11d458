/**
 * The operator on Kubernetes: sees, decides, writes, again and again. All that it knows beside the API server are answers
 * to evictions and gates, which it asks for anew when it starts. No pass waits for them.
 *
 * The Lease is for quiet: two operators at once do no harm, since each write holds only for an object as it was read.
 */
import { Cache } from "../../kubernetes/cache.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { evictionVersion, serverMinor } from "../../kubernetes/eviction.ts";
import { Leadership } from "../../kubernetes/lease.ts";
import { type NodeObject, nodes } from "../../kubernetes/objects.ts";
import { explain } from "../../lib/failure.ts";
import { firstOf } from "../../lib/first-of.ts";
import type { Fetch } from "../../lib/files/http-redirects.ts";
import type { FleetPolicy } from "../policy/fleet-policy.ts";
import type { Gate } from "../policy/gate.ts";
import { decide } from "../roll-out/decide.ts";
import type { FleetNode, NodeStep, Snapshot } from "../roll-out/snapshot.ts";
import type { Write } from "../roll-out/write.ts";
import { applyWrite } from "./apply-write.ts";
import { Drains } from "./drains.ts";
import { nodesOf, Owners } from "./fleet-nodes.ts";
import { type FleetView, fleetViewOf, invalidOf } from "./fleet-view.ts";
import { Lookout, type UnderWork } from "./lookout.ts";
import { UpdateDurations } from "./metrics/update-durations.ts";
import { fleetPolicies, type PolicyObject, readPolicy } from "./policy-object.ts";
import { Projection } from "./projection.ts";

export type OperatorOptions = {
  client: KubernetesClient;
  /** For gates. */
  fetch: Fetch;
  /** Of this process, in the Lease. */
  identity: string;
  /** Where the Lease lies. */
  namespace: string;
  /** The node on which this runs. */
  self: string | undefined;
  log(message: string): void;
};

/** Between two passes at least, so that a burst of changes is one. */
const restMs = 200;
/** Time passes too: windows open, deadlines end. */
const idleMs = 5_000;
/** The same while nodes are under work: soaks end, evictions are asked for again. */
const busyMs = 3_000;
const projectMs = 2_000;
/** Requests at once. */
const writesAtOnce = 16;
/** Who does not lead, knows nothing of what others do meanwhile. */
const nothingUnderWork: UnderWork = { draining: { names: [], waiting: new Set(), seenMs: 0 }, soaking: new Map() };
const leaseName = "orlop-fleet";
const following = "follow the cluster";
const leasing = "keep the Lease";
const passing = "finish a pass";
const showing = "show how the fleet stands";

export class Operator {
  readonly #options: OperatorOptions;
  readonly #nodes: Cache<NodeObject>;
  readonly #policies: Cache<PolicyObject>;
  readonly #leadership: Leadership;
  readonly #projection: Projection;
  readonly #lookout: Lookout;
  /** By what was tried, why it did not go well. */
  readonly #logged = new Map<string, string | undefined>();
  #drains: Drains | undefined;
  #snapshots: readonly Snapshot[] = [];
  #underWork: UnderWork = nothingUnderWork;
  /** By policy. */
  readonly #durations = new Map<string, UpdateDurations>();
  /** How long the last pass took. */
  passMs = 0;
  passes = 0;
  conflicts = 0;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { client, identity, namespace } = options;
    const onFailure = (error: unknown): void => this.#logOutcome(following, error);
    this.#nodes = new Cache(client, nodes, { onFailure });
    this.#policies = new Cache(client, fleetPolicies, { onFailure });
    this.#leadership = new Leadership(client, { name: leaseName, namespace, identity });
    this.#projection = new Projection(client, this.#policies);
    this.#lookout = new Lookout(client, options.fetch);
  }

  /** What the last pass saw, for metrics. */
  get snapshots(): readonly Snapshot[] {
    return this.#snapshots;
  }

  /** Of a policy, since this began to work. */
  durationsOf(policy: string): UpdateDurations {
    const known = this.#durations.get(policy) ?? new UpdateDurations();
    this.#durations.set(policy, known);
    return known;
  }

  /** The fleet by the last pass; while another operator works, by what the caches have. */
  get view(): FleetView {
    const policies = [...this.#policies.objects.values()];
    if (!this.isLeading) return fleetViewOf(policies, [...this.#nodes.objects.values()]);
    return { snapshots: [...this.#snapshots], invalid: invalidOf(policies) };
  }

  get isLeading(): boolean {
    return this.#leadership.isHeld;
  }

  /** It knows its objects, and has heard of the cluster lately: a bookmark comes each minute. */
  get isReady(): boolean {
    return this.#nodes.isSynced && this.#policies.isSynced;
  }

  async run(signal: AbortSignal): Promise<void> {
    const leadership = async (raced: AbortSignal): Promise<void> =>
      await this.#leadership.keep((error) => this.#logOutcome(leasing, error), raced);
    await firstOf(signal, [
      async (raced) => await this.#nodes.keep(raced),
      async (raced) => await this.#policies.keep(raced),
      leadership,
      async (raced) =>
        await this.#lookout.keep(
          () => ({ ...(this.isLeading ? this.#underWork : nothingUnderWork), drains: this.#drains }),
          (deed, error) => this.#logOutcome(deed, error),
          raced,
        ),
      async (raced) => await this.#work(raced),
      async (raced) => await this.#show(raced),
    ]);
  }

  async #work(signal: AbortSignal): Promise<never> {
    const { clock } = this.#options.client.connection;
    for (;;) {
      const known = this.#known;
      if (this.isReady && this.isLeading) {
        const startedMs = clock.elapsedMs();
        try {
          await this.#pass(signal);
          for (const deed of [passing, following, leasing]) this.#logOutcome(deed);
        } catch (error) {
          signal.throwIfAborted();
          this.#logOutcome(passing, error);
        }
        this.passMs = clock.elapsedMs() - startedMs;
        this.passes++;
      }
      await clock.sleep(restMs, signal);
      if (this.#known === known) await this.#untilChange(signal);
    }
  }

  /** Grows with whatever there is to know. */
  get #known(): number {
    return this.#nodes.changes + this.#policies.changes + this.#lookout.news;
  }

  async #untilChange(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.client.connection;
    const isBusy = this.#drains !== undefined && this.#snapshots.some(({ policy }) => policy.ledger.claims.length > 0);
    await firstOf(signal, [
      async (raced) => await this.#nodes.changedSince(this.#nodes.changes, raced),
      async (raced) => await this.#policies.changedSince(this.#policies.changes, raced),
      async (raced) => await this.#lookout.newsSince(this.#lookout.news, raced),
      async (raced) => await clock.sleep(isBusy ? busyMs : idleMs, raced),
    ]);
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    this.#drains ??= new Drains(client, evictionVersion(await serverMinor(client, signal)));
    const policies = await this.#readPolicies(signal);
    const owners = new Owners(policies);
    const seen = policies.map((policy) => ({ policy, nodes: nodesOf(policy, this.#nodes.objects.values(), owners) }));
    const now = client.connection.clock.now();
    const seenMs = client.connection.clock.elapsedMs();
    this.#snapshots = await Promise.all(seen.map(async (each) => await this.#snapshotOf(each, signal)));
    const decisions = this.#snapshots.map((snapshot) => ({ snapshot, writes: decide(snapshot, now) }));
    this.#underWork = underWorkOf(decisions, seenMs);
    for (const { snapshot, writes } of decisions) await this.#write(snapshot, writes, signal);
  }

  async #readPolicies(signal: AbortSignal): Promise<FleetPolicy[]> {
    const policies: FleetPolicy[] = [];
    for (const object of this.#policies.objects.values()) {
      const read = readPolicy(object);
      if ("policy" in read) policies.push(read.policy);
      else await this.#projection.showInvalid(object, read.invalid, signal);
    }
    return policies;
  }

  async #snapshotOf({ policy, nodes: own }: Seen, signal: AbortSignal): Promise<Snapshot> {
    const known = new Set(own.map(({ uid }) => uid));
    const gone = new Set<string>();
    for (const { node, uid } of policy.ledger.claims) {
      if (known.has(uid)) continue;
      const fresh = await this.#options.client.get(nodes, { name: node }, signal);
      if (fresh?.metadata.uid === uid) this.#nodes.take(fresh);
      else gone.add(uid);
    }
    const drains = this.#drains?.known ?? new Map();
    return { policy, nodes: own, drains, gates: this.#lookout.answers, gone, self: this.#options.self };
  }

  /** The policy's status first: nodes are dealt with on the strength of it. */
  async #write({ policy }: Snapshot, writes: readonly Write[], signal: AbortSignal): Promise<void> {
    if (this.#drains === undefined) return;
    const { client } = this.#options;
    const durations = this.durationsOf(policy.name);
    const tools = { client, nodes: this.#nodes, policies: this.#policies, drains: this.#drains, durations };
    const failures: unknown[] = [];
    const apply = async (write: Write): Promise<void> => {
      try {
        if (!(await applyWrite(tools, policy, write, signal))) this.conflicts++;
      } catch (error) {
        failures.push(error); // one node's trouble keeps nobody else waiting
      }
    };
    const first = writes.filter(({ kind }) => kind === "ledger" || kind === "finalizer");
    const rest = writes.filter(({ kind }) => kind === "node" || kind === "evict");
    for (const write of first) await apply(write);
    // Each worker takes the next write, so that one that is slow keeps no other waiting.
    const queue = rest.values();
    const work = async (): Promise<void> => {
      for (const write of queue) await apply(write);
    };
    await Promise.all(Array.from({ length: writesAtOnce }, work));
    if (failures.length > 0) throw failures[0];
  }

  async #show(signal: AbortSignal): Promise<never> {
    for (;;) {
      try {
        if (this.isLeading) await this.#projection.show(this.#snapshots, signal);
        this.#logOutcome(showing);
      } catch (error) {
        signal.throwIfAborted();
        this.#logOutcome(showing, error);
      }
      await this.#options.client.connection.clock.sleep(projectMs, signal);
    }
  }

  /** The same trouble once, until it is over. */
  #logOutcome(deed: string, error?: unknown): void {
    const message = error === undefined ? undefined : explain(error);
    if (this.#logged.get(deed) === message) return;
    this.#logged.set(deed, message);
    if (message !== undefined) this.#options.log(`cannot ${deed}: ${message}`);
  }
}

type Decision = { snapshot: Snapshot; writes: readonly Write[] };

/** @param seenMs when the pass began that decided so */
function underWorkOf(decisions: readonly Decision[], seenMs: number): UnderWork {
  const names: string[] = [];
  const waiting = new Set<string>();
  const soaking = new Map<string, readonly Gate[]>();
  for (const { snapshot, writes } of decisions) {
    // Of nodes that get their order or are given back, nothing more need be known.
    const written = new Set(writes.flatMap((write) => (write.kind === "node" ? [write.node.name] : [])));
    for (const { name } of inStep(snapshot, "Draining")) {
      names.push(name);
      if (!written.has(name)) waiting.add(name);
    }
    for (const { name } of inStep(snapshot, "Soaking")) soaking.set(name, snapshot.policy.spec.soak.gates);
  }
  return { draining: { names, waiting, seenMs }, soaking };
}

/** Nodes that are in a step by this policy's work. */
function inStep({ policy, nodes: own }: Seen, step: NodeStep): readonly FleetNode[] {
  return own.filter(({ marks }) => marks.step === step && (marks.policy ?? policy.uid) === policy.uid);
}

type Seen = { policy: FleetPolicy; nodes: readonly FleetNode[] };
