/**
 * The updater of an ECS cluster: sees, decides by `cluster/roll-out/`, writes, until nothing is left that it can do now.
 *
 * All that outlasts a run stands on the container instances and in parameters of SSM, so that a run may end anywhere.
 */
import type { ContainerInstance } from "@aws-sdk/client-ecs";
import type { Clock } from "../../lib/clock.ts";
import { explain } from "../../lib/failure.ts";
import type { FleetLedger, FleetPolicy } from "../policy/fleet-policy.ts";
import { decide } from "../roll-out/decide.ts";
import type { Drain, Snapshot } from "../roll-out/snapshot.ts";
import { standings } from "../roll-out/standing.ts";
import type { Wait } from "../roll-out/wait.ts";
import type { Write } from "../roll-out/write.ts";
import { applyInstanceWrite, type EcsFleet } from "./apply-instance-write.ts";
import { type ClusterAccess, instancesOf } from "./cluster-access.ts";
import type { ClusterPolicy } from "./ecs-policy.ts";
import { arnOf, fleetInstance, type FleetInstance, instanceFilter, isReady } from "./fleet-instance.ts";
import { type AskedHost, type Documents, Hosts } from "./hosts.ts";
import { readMarks } from "./instance-marks.ts";
import { drainOf, idOf, isStandalone, tasksOn } from "./instance-tasks.ts";
import { carryOut } from "./ordered-reboot.ts";
import { readHalt } from "./roll-out-halt.ts";
import type { CommandRun } from "./ssm-command.ts";

export type UpdaterOptions = {
  access: ClusterAccess;
  policy: ClusterPolicy;
  documents: Documents;
  clock: Clock;
  /** Between two looks at the cluster, and at a command. */
  pace: { passMs: number; pollMs: number; answerMs: number };
  log: (line: string) => void;
};

/** How a run ended: with nothing more to do now, or because the roll-out is halted or stopped. */
export type Outcome = { kind: "rest" } | { kind: "halted"; reason: string };

/** How long an order that was refused is left alone. */
const refusedMs = 60_000;

export class ClusterUpdater {
  readonly #options: UpdaterOptions;
  readonly #run: CommandRun;
  readonly #hosts: Hosts;
  readonly #readySince = new Map<string, { ready: boolean; since: Date }>();
  /** Orders being carried out, by instance; each goes on beside the passes. */
  readonly #orders = new Map<string, Promise<void>>();
  readonly #logged = new Map<string, string>();
  readonly #signal: AbortSignal;

  constructor(options: UpdaterOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    const { access, clock, pace, documents } = options;
    this.#run = { ssm: access.ssm, clock, pollMs: pace.pollMs, signal };
    this.#hosts = new Hosts(this.#run, documents, pace.answerMs);
  }

  /** Until nothing more can be done now. A pass that fails is made again. */
  async run(): Promise<Outcome> {
    const { clock, pace, log } = this.#options;
    try {
      for (;;) {
        let outcome: Outcome | undefined;
        try {
          outcome = await this.#pass();
        } catch (error) {
          this.#signal.throwIfAborted();
          log(`cannot finish a pass: ${explain(error)}`);
        }
        if (outcome !== undefined) return outcome;
        await clock.sleep(pace.passMs, this.#signal);
      }
    } finally {
      await Promise.allSettled(this.#orders.values());
    }
  }

  /** Undefined while there is something to do or to wait for. */
  async #pass(): Promise<Outcome | undefined> {
    const { clock } = this.#options;
    const { snapshot, fleet } = await this.#look();
    const now = clock.now();
    const writes = decide(snapshot, now);
    this.#tell(snapshot, now);
    for (const write of writes) await this.#write(fleet, write);
    for (const instance of fleet.instances.values()) this.#obey(instance);
    const { halted } = snapshot.policy.ledger;
    // A host that is lost keeps its claim, and its instance stays drained: nobody waits for it here.
    const isAtWork = snapshot.nodes.some(({ marks }) => marks.step !== "Idle");
    if (writes.length > 0 || isAtWork || this.#orders.size > 0) return undefined;
    if (halted === undefined) return { kind: "rest" };
    return { kind: "halted", reason: `${halted.node} failed with ${halted.version}: ${halted.reason} (${halted.id})` };
  }

  async #look(): Promise<{ snapshot: Snapshot; fleet: EcsFleet }> {
    const { access, policy } = this.#options;
    const name = access.cluster.slice(access.cluster.lastIndexOf("/") + 1);
    const found = await instancesOf(access, instanceFilter, this.#signal);
    const halt = await readHalt(access.ssm, name, this.#signal);
    await this.#hosts.look(found.flatMap(askedHost));
    const held = await this.#standalone(found);
    const instances = new Map<string, FleetInstance>();
    for (const instance of found) {
      const known = this.#hosts.known.get(instance.ec2InstanceId ?? "");
      const readySince = this.#readySinceOf(instance);
      const isHeld = held.has(arnOf(instance));
      instances.set(arnOf(instance), fleetInstance(instance, policy.spec, { known, readySince, isHeld }));
    }
    const ledger = ledgerOf(instances, halt.halted);
    const nodes = [...instances.values()].map(({ node }) => node);
    const fleetPolicy: FleetPolicy = {
      name,
      uid: name,
      resourceVersion: "",
      spec: policy.spec,
      ledger,
      stop: halt.stop,
      resume: halt.resume,
      deleting: false,
      finalizer: true,
    };
    const drains = await this.#drains(instances);
    return {
      snapshot: { policy: fleetPolicy, nodes, drains, gates: new Map(), gone: new Set(), self: undefined },
      fleet: { access, name, instances, ledger },
    };
  }

  /** Instances at rest with tasks that are to be left alone. */
  async #standalone(found: readonly ContainerInstance[]): Promise<Set<string>> {
    const { access, policy } = this.#options;
    const held = new Set<string>();
    if (policy.standalone !== "skip") return held;
    for (const instance of found) {
      if (instance.status !== "ACTIVE" || (instance.runningTasksCount ?? 0) === 0) continue;
      const [first] = (await tasksOn(access, arnOf(instance), this.#signal)).filter(isStandalone);
      if (first === undefined) continue;
      held.add(arnOf(instance));
      this.#say(instance.ec2InstanceId ?? "", `is left alone: no service started its task ${idOf(first)}`);
    }
    return held;
  }

  async #drains(instances: ReadonlyMap<string, FleetInstance>): Promise<Map<string, Drain>> {
    const { access, policy, clock } = this.#options;
    const drains = new Map<string, Drain>();
    for (const { node } of instances.values()) {
      if (node.marks.step !== "Draining") continue;
      const since = node.marks.since ?? clock.now();
      const { standalone } = policy;
      drains.set(node.name, await drainOf(access, node.uid, { standalone, since }, this.#signal));
    }
    return drains;
  }

  #readySinceOf(instance: ContainerInstance): Date {
    const ready = isReady(instance);
    const before = this.#readySince.get(arnOf(instance));
    if (before?.ready === ready) return before.since;
    const since = this.#options.clock.now();
    this.#readySince.set(arnOf(instance), { ready, since });
    return since;
  }

  /** One instance's trouble keeps nobody else waiting. */
  async #write(fleet: EcsFleet, write: Write): Promise<void> {
    const { log } = this.#options;
    try {
      const held = await applyInstanceWrite(fleet, write, this.#signal);
      if (held && write.kind === "node") log(`${write.node.name}: ${write.reason}: ${write.note}`);
      if (held && write.kind === "ledger") log(`${write.reason}: ${write.note}`);
    } catch (error) {
      this.#signal.throwIfAborted();
      log(`${write.kind === "node" ? `${write.node.name}: ` : ""}cannot write: ${explain(error)}`);
    }
  }

  /** Begins what an instance is ordered, unless it is under way. */
  #obey(instance: FleetInstance): void {
    const { node } = instance;
    const { order, report } = node;
    if (order === undefined || report?.boot !== order.boot || this.#orders.has(node.uid)) return;
    const work = this.#carryOut(instance, order.id).finally(() => this.#orders.delete(node.uid));
    this.#orders.set(node.uid, work);
  }

  async #carryOut(instance: FleetInstance, id: string): Promise<void> {
    const { access, documents, policy, clock } = this.#options;
    const { node } = instance;
    if (node.order === undefined) return;
    try {
      const tools = { access, run: this.#run, documents, hosts: this.#hosts, spec: policy.spec };
      const reason = await carryOut(tools, instance, node.order);
      this.#hosts.refuse(node.name, id, reason);
    } catch (error) {
      if (this.#signal.aborted) return;
      this.#hosts.refuse(node.name, id, explain(error));
    }
    // A host that was told to reboot is not told again while it may be at it.
    await clock.sleep(Math.min(refusedMs, this.#options.pace.answerMs), this.#signal).catch(() => undefined);
  }

  /** Each instance's sentence, when it is a new one. */
  #tell(snapshot: Snapshot, now: Date): void {
    for (const { node, wait, sentence } of standings(snapshot, now)) {
      const silence = this.#hosts.known.get(node.name)?.silence ?? "it is not ready";
      const words = wordsOf(wait, silence) ?? sentence;
      if (wait.cause !== "not-selected") this.#say(node.name, words);
    }
  }

  #say(name: string, sentence: string): void {
    if (this.#logged.get(name) === sentence) return;
    this.#logged.set(name, sentence);
    this.#options.log(`${name} ${sentence}`);
  }
}

/** What is said otherwise than of a node of Kubernetes. */
function wordsOf(wait: Wait, silence: string): string | undefined {
  switch (wait.cause) {
    case "no-report":
      return `does not answer: ${silence}`;
    case "cordoned":
      return "is left alone: somebody else has drained it (ACTIVE lets it go on)";
    case "pods":
      return `waits for ${wait.count} ${wait.count === 1 ? "task" : "tasks"} to stop: ${wait.example}${wait.refusal === undefined ? "" : `: ${wait.refusal}`}`;
    case "proof":
      return `runs ${wait.version}, and is to prove it: ${wait.reason.replace("kubelet has", "its agent has")}`;
    default:
      return undefined;
  }
}

function askedHost(instance: ContainerInstance): AskedHost[] {
  const { ec2InstanceId, attributes = [] } = instance;
  if (ec2InstanceId === undefined) return [];
  const { marks } = readMarks(new Map(attributes.map(({ name = "", value = "" }) => [name, value])));
  return [{ id: ec2InstanceId, atWork: marks.step !== "Idle", isReachable: isReady(instance) }];
}

/** Claims stand on the instances that they are for, and fall with them. */
function ledgerOf(instances: ReadonlyMap<string, FleetInstance>, halted: FleetLedger["halted"]): FleetLedger {
  const claims = [...instances].flatMap(
    ([
      uid,
      {
        node,
        own: { claim },
      },
    ]) => (claim === undefined ? [] : [{ ...claim, node: node.name, uid }]),
  );
  const tokens = [...instances.values()].flatMap(({ own: { marks, claim } }) => [
    marks.claim,
    marks.over,
    claim?.token ?? 0,
  ]);
  return { nextToken: Math.max(0, ...tokens) + 1, claims, ...(halted === undefined ? {} : { halted }) };
}
