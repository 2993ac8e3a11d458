/**
 * This host as its own agent in a fleet: it reports into an annotation of its own Node, and obeys an order in another.
 *
 * It acts as the node that it is, by kubelet's credentials; NodeRestriction keeps it to its own Node. Nothing is kept but
 * on the Node: a daemon that starts again looks there. While the cluster is away, nothing happens.
 */
import { annotations } from "../../api/fleet/annotations.ts";
import { HostReport, type Offer } from "../../api/fleet/host-report.ts";
import type { NodePod } from "../../api/fleet/node-pods.ts";
import { Order } from "../../api/fleet/order.ts";
import { Cache } from "../../kubernetes/cache.ts";
import { type KubernetesConnection, KubernetesClient } from "../../kubernetes/client.ts";
import { noted } from "../../kubernetes/annotation.ts";
import { podsOn } from "../../kubernetes/node-pods.ts";
import { type NodeObject, nodes } from "../../kubernetes/objects.ts";
import { ChangeCount } from "../../lib/change-count.ts";
import { type Deadline, deadline } from "../../lib/clock.ts";
import { explain, messageOf } from "../../lib/failure.ts";
import { firstOf } from "../../lib/first-of.ts";
import type { System } from "../machine/system.ts";
import type { UpdateImage } from "../update/state.ts";
import type { Updater, UpdateOutlook } from "../update/updater.ts";
import { offersOf, reportOf } from "./host-report.ts";
import { type Obedience, obey, type HostNode } from "./obey.ts";
import { type NoteOrder, OrderedUpdate } from "./ordered-update.ts";

/** What the agent works with; all of it belongs to the daemon. */
export type FleetHost = {
  system: System;
  connection: KubernetesConnection;
  /** Under which this host is registered. */
  nodeName: string;
  boot: string;
  running: UpdateImage;
  seed: number;
  updater: Updater;
  /** Into the history of this host. */
  note: NoteOrder;
};

/** A new version takes half an hour to be known, spread over a fleet; on a host where a person looks for it, no time. */
const lookMs = { usually: 1_800_000, afterFailure: 300_000 };
/** Whatever this host finds out by itself, such as that a download ended, is reported so much later at most. */
const reactMs = 5_000;
/** How often the progress of a download may be reported. */
const activityMs = 30_000;

/** Runs until the signal aborts. */
export async function obeyFleet(host: FleetHost, signal: AbortSignal): Promise<never> {
  await using agent = new FleetAgent(host);
  return await firstOf(signal, [
    async (raced) => await agent.watch(raced),
    async (raced) => await agent.look(raced),
    async (raced) => await agent.react(raced),
  ]);
}

class FleetAgent implements AsyncDisposable {
  readonly #host: FleetHost;
  readonly #client: KubernetesClient;
  readonly #cache: Cache<NodeObject>;
  readonly #ordered: OrderedUpdate;
  #offers: readonly Offer[] = [];
  #lookFailure: string | undefined;
  /** What this host chose when somebody looked for updates on it. */
  #chosen: string | undefined;
  readonly #newlyChosen = new ChangeCount();
  #nextActivity: Deadline;
  /** The same failure is logged once. */
  #lastFailure = "";

  constructor(host: FleetHost) {
    this.#host = host;
    this.#client = new KubernetesClient(host.connection);
    this.#cache = new Cache(this.#client, nodes, {
      query: { fieldSelector: `metadata.name=${host.nodeName}` },
      onFailure: (error) => this.#failed("cannot follow this host's Node", error),
    });
    this.#ordered = new OrderedUpdate(host);
    this.#nextActivity = deadline(host.system.clock, 0);
  }

  async watch(signal: AbortSignal): Promise<never> {
    return await this.#cache.keep(signal);
  }

  /** Looks into the update repository, so that the fleet knows what this host could be ordered to take. */
  async look(signal: AbortSignal): Promise<never> {
    const { updater, system } = this.#host;
    for (;;) {
      const known = this.#newlyChosen.count;
      try {
        this.#offers = offersOf(await updater.explain(signal));
        this.#lookFailure = undefined;
      } catch (error) {
        signal.throwIfAborted();
        this.#lookFailure = `cannot look for updates: ${messageOf(error)}`;
      }
      const waitMs = this.#lookFailure === undefined ? lookMs.usually : lookMs.afterFailure;
      await firstOf(signal, [
        async (raced) => await system.clock.sleep(waitMs * (0.5 + Math.random()), raced),
        async (raced) => await this.#newlyChosen.since(known, raced),
      ]);
    }
  }

  async react(signal: AbortSignal): Promise<never> {
    for (;;) {
      const known = this.#cache.changes;
      try {
        await this.#step(signal);
        this.#lastFailure = "";
      } catch (error) {
        signal.throwIfAborted();
        this.#failed("cannot tell the cluster how this host is, or do what it orders", error);
      }
      await firstOf(signal, [
        async (raced) => await this.#cache.changedSince(known, raced),
        async (raced) => await this.#host.system.clock.sleep(reactMs, raced),
      ]);
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const cached = this.#cache.get(this.#host.nodeName);
    if (cached === undefined) return;
    const outlook = await this.#host.updater.outlook();
    this.#notice(outlook);
    const order = orderOn(cached);
    if (order?.boot !== this.#host.boot) return await this.#report(cached, outlook, {});
    const { node, obedience } = await this.#judge(cached, order, outlook, signal);
    switch (obedience.kind) {
      case "rest":
        return await this.#report(node, outlook, {});
      case "refuse":
        return await this.#report(node, outlook, { refused: { order: order.id, reason: obedience.reason } });
      case "prepare":
        this.#ordered.prepare(obedience.order);
        return await this.#report(
          node,
          await this.#host.updater.outlook(),
          refusal(order, this.#ordered.failureOf(order)),
        );
      case "accept":
        return await this.#accept(node, obedience.order, outlook, signal);
      case "reboot":
        return await this.#reboot(node, obedience.order, outlook);
    }
  }

  /** The fleet need not wait for the next look when a person has looked before it. */
  #notice({ state }: UpdateOutlook): void {
    const chosen = "chosen" in state ? state.chosen?.version : undefined;
    if (chosen === this.#chosen) return;
    this.#chosen = chosen;
    if (chosen !== undefined && !this.#offers.some(({ version }) => version === chosen)) this.#newlyChosen.announce();
  }

  /** Before anything that cannot be taken back, the Node and its pods are asked for anew. */
  async #judge(
    cached: NodeObject,
    order: Order,
    outlook: UpdateOutlook,
    signal: AbortSignal,
  ): Promise<{ node: NodeObject; obedience: Obedience }> {
    const { nodeName, boot, running, system } = this.#host;
    const isReboot = order.do !== "prepare";
    const node = isReboot ? ((await this.#client.get(nodes, { name: nodeName }, signal)) ?? cached) : cached;
    const left = isReboot ? await podsOn(this.#client, nodeName, signal) : [];
    const { state, onTrial, fallback } = outlook;
    const self = {
      boot,
      version: running.version,
      onTrial,
      staged: "staged" in state ? state.staged.version : undefined,
      fallback,
      mayTake: this.#offers.filter(({ opensAt }) => isOpen(opensAt, system)).map(({ version }) => version),
    };
    return { node, obedience: obey(self, ownNode(node, left), system.clock.now()) };
  }

  /** By compare-and-swap: from then on nobody takes the order back. The next step obeys it, after another look. */
  async #accept(node: NodeObject, order: Order, outlook: UpdateOutlook, signal: AbortSignal): Promise<void> {
    const failure = this.#ordered.failureOf(order);
    if (failure !== undefined) return await this.#report(node, outlook, refusal(order, failure));
    const written = await this.#write(node, this.#text(outlook, { accepted: order.id }), signal);
    if (written) await this.#step(signal);
  }

  async #reboot(node: NodeObject, order: Order, outlook: UpdateOutlook): Promise<void> {
    if (this.#ordered.failureOf(order) === undefined) await this.#ordered.reboot(order);
    const failure = this.#ordered.failureOf(order);
    if (failure !== undefined) await this.#report(node, outlook, refusal(order, failure));
  }

  /** Only what has changed is written, and how far a download is not at every percent. */
  async #report(node: NodeObject, outlook: UpdateOutlook, about: About): Promise<void> {
    const text = this.#text(outlook, about);
    const before = node.metadata.annotations[annotations.report];
    if (text === before) return;
    const isActivity = before !== undefined && withoutActivity(before) === withoutActivity(text);
    if (isActivity && !this.#nextActivity.passed) return;
    this.#nextActivity = deadline(this.#host.system.clock, activityMs);
    await this.#write(node, text, AbortSignal.timeout(activityMs));
  }

  #text(outlook: UpdateOutlook, { accepted, refused }: About): string {
    const { boot, running, seed, system } = this.#host;
    const found = { offers: this.#offers, lookFailure: this.#lookFailure, accepted, refused };
    return JSON.stringify(reportOf({ boot, running, seed, outlook, mask: system.mask, ...found }));
  }

  /** On the condition that the Node is as it was read: no request that was slow undoes what came after it. */
  async #write({ metadata: { resourceVersion } }: NodeObject, text: string, signal: AbortSignal): Promise<boolean> {
    const patch = { metadata: { resourceVersion, annotations: { [annotations.report]: text } } };
    const written = await this.#client.patch(nodes, { name: this.#host.nodeName }, patch, signal);
    if (written.kind === "written") this.#cache.take(written.object);
    return written.kind === "written";
  }

  #failed(failure: string, error: unknown): void {
    const message = explain(error);
    if (message === this.#lastFailure) return;
    this.#lastFailure = message;
    this.#host.system.log.error(`fleet: ${failure}`, error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ordered[Symbol.asyncDispose]();
  }
}

type About = { accepted?: string; refused?: { order: string; reason: string } };

function refusal({ id }: Order, failure: string | undefined): About {
  return failure === undefined ? {} : { refused: { order: id, reason: failure } };
}

function orderOn({ metadata }: NodeObject): Order | undefined {
  return noted(Order, metadata.annotations[annotations.order]);
}

function ownNode(node: NodeObject, left: readonly NodePod[]): HostNode {
  const texts = node.metadata.annotations;
  return {
    unschedulable: node.spec.unschedulable,
    claim: Number(texts[annotations.claim] ?? 0),
    over: Number(texts[annotations.over] ?? 0),
    order: orderOn(node),
    accepted: noted(HostReport, texts[annotations.report])?.accepted,
    pods: left,
  };
}

function isOpen(opensAt: Date | undefined, { clock }: System): boolean {
  return opensAt === undefined || opensAt <= clock.now();
}

function withoutActivity(text: string): string {
  return JSON.stringify({ ...noted(HostReport, text), activity: undefined });
}
