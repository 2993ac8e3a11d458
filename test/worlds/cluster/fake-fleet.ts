/**
 * Nodes that are only objects, and one program that plays the kubelet and the host of each, with the `obey` that hosts
 * have. It keeps what a host would know itself, and notes whatever must never happen.
 */
import { annotations } from "../../../api/fleet/annotations.ts";
import { HostReport } from "../../../api/fleet/host-report.ts";
import type { NodePod } from "../../../api/fleet/node-pods.ts";
import { Order } from "../../../api/fleet/order.ts";
import { obey } from "../../../host/node/obey.ts";
import { noted } from "../../../kubernetes/annotation.ts";
import { Cache } from "../../../kubernetes/cache.ts";
import type { KubernetesClient } from "../../../kubernetes/client.ts";
import { defined } from "../../../lib/defined.ts";
import { podsOn } from "../../../kubernetes/node-pods.ts";
import { type NodeObject, nodes, type Pod, pods } from "../../../kubernetes/objects.ts";

export type FakeFleetOptions = {
  count: number;
  /** Runs at first. */
  version: string;
  zones?: readonly string[];
  /** How long a host is away. */
  awayMs?: number;
};

export type FleetRelease = {
  version: string;
  /** Nodes on which it does not prove healthy. */
  badOn?: readonly string[];
  /** When its wave opens to a host; open to all unless given. */
  opensAt?: (name: string) => Date;
};

type Host = {
  name: string;
  boots: number;
  version: string;
  staged: string | undefined;
  fallback: string | undefined;
  onTrial: boolean;
  isAway: boolean;
  held: { version: string; reason: string }[];
  accepted: string | undefined;
  refused: { order: string; reason: string } | undefined;
  /** Orders by which it rebooted, each with its boot. */
  rebootedBy: string[];
  busy: boolean;
};

export class FakeFleet implements AsyncDisposable {
  readonly #client: KubernetesClient;
  readonly #options: Required<FakeFleetOptions>;
  readonly #hosts = new Map<string, Host>();
  readonly #stop = new AbortController();
  readonly #nodes: Cache<NodeObject>;
  readonly #pods: Cache<Pod>;
  #release: FleetRelease;
  #work: Promise<unknown> = Promise.resolve();
  /** Pods whose label `app` is one of these are not ready. */
  readonly unready = new Set<string>();
  /** Names of hosts in the order of their reboots. */
  readonly reboots: string[] = [];
  /** What must never happen, and did. */
  readonly violations: string[] = [];
  /** Cordoned by the operator at the same time, at most. */
  mostAway = 0;
  /** How long nodes were cordoned by the operator, as far as they are free again. */
  readonly awayMs: number[] = [];
  readonly #cordonedMs = new Map<string, number>();

  private constructor(client: KubernetesClient, options: FakeFleetOptions) {
    this.#client = client;
    this.#options = { zones: ["a", "b"], awayMs: 700, ...options };
    this.#release = { version: options.version };
    this.#nodes = new Cache(client, nodes, { onFailure: () => undefined });
    this.#pods = new Cache(client, pods, { onFailure: () => undefined });
  }

  static async start(client: KubernetesClient, options: FakeFleetOptions): Promise<FakeFleet> {
    const fleet = new FakeFleet(client, options);
    for (let at = 0; at < options.count; at += 16) {
      const some = Array.from({ length: Math.min(16, options.count - at) }, (_, index) => at + index);
      await Promise.all(some.map(async (index) => await fleet.#register(index)));
    }
    const { signal } = fleet.#stop;
    const loops = [fleet.#nodes.keep(signal), fleet.#pods.keep(signal), fleet.#live(signal), fleet.#runPods(signal)];
    fleet.#work = Promise.allSettled(loops);
    return fleet;
  }

  get names(): string[] {
    return [...this.#hosts.keys()];
  }

  versionOf(name: string): string | undefined {
    return this.#hosts.get(name)?.version;
  }

  /** How many run a version, proved. */
  countOf(version: string): number {
    return [...this.#hosts.values()].filter((host) => host.version === version && !host.onTrial && !host.isAway).length;
  }

  rebootsOf(name: string): number {
    return this.#hosts.get(name)?.rebootedBy.length ?? 0;
  }

  node(name: string): NodeObject | undefined {
    return this.#nodes.get(name);
  }

  get memoryOfObjects(): number {
    return this.#nodes.objects.size;
  }

  /** Every host is offered it from now on. */
  async publish(release: FleetRelease): Promise<void> {
    this.#release = release;
    for (let all = this.names; all.length > 0; all = all.slice(16)) {
      await Promise.all(all.slice(0, 16).map(async (name) => await this.#report(this.#host(name))));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  }

  async #register(index: number): Promise<void> {
    const name = `node-${String(index).padStart(4, "0")}`;
    const zone = this.#options.zones[index % this.#options.zones.length] ?? "";
    const host: Host = {
      name,
      boots: 1,
      version: this.#options.version,
      staged: undefined,
      fallback: undefined,
      onTrial: false,
      isAway: false,
      held: [],
      accepted: undefined,
      refused: undefined,
      rebootedBy: [],
      busy: false,
    };
    this.#hosts.set(name, host);
    const labels = { "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone, fleet: "fake" };
    const content = { metadata: { name, labels, annotations: { [annotations.report]: this.#reportText(host) } } };
    await this.#client.create(nodes, { name, content }, this.#stop.signal);
    // The API server taints it until a controller that does not run here says that it is ready.
    await this.#client.patch(nodes, { name }, { spec: { taints: null } }, this.#stop.signal);
    await this.#kubelet(host, true);
  }

  async #kubelet(host: Host, ready: boolean): Promise<void> {
    const now = new Date();
    const capacity = { cpu: "8", memory: "32Gi", pods: "110" };
    const condition = {
      type: "Ready",
      status: ready ? "True" : "False",
      lastTransitionTime: now,
      lastHeartbeatTime: now,
    };
    const texts = ["machineID", "systemUUID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion"];
    const platform = ["kubeProxyVersion", "operatingSystem", "architecture"];
    const nodeInfo = {
      ...Object.fromEntries([...texts, ...platform].map((key) => [key, "fake"])),
      bootID: bootOf(host),
    };
    const status = { conditions: [condition], capacity, allocatable: capacity, nodeInfo };
    await this.#persist(
      async () =>
        await this.#client.patch(nodes, { name: host.name, subresource: "status" }, { status }, this.#stop.signal),
    );
  }

  /** A server that is away is asked again, as kubelet and hosts do. */
  async #persist<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (this.#stop.signal.aborted) throw error;
        await Bun.sleep(300);
      }
    }
  }

  #reportOf(host: Host): HostReport {
    const { version: offered } = this.#release;
    const isOffered = offered !== host.version && !host.held.some(({ version }) => version === offered);
    const { version, staged, fallback, onTrial, held, accepted, refused } = host;
    return {
      boot: bootOf(host),
      version,
      variant: "metal-k8s-1.20",
      arch: "x86_64",
      seed: 5,
      state: staged === undefined ? (isOffered ? "Available" : "Idle") : "Staged",
      offers: isOffered ? [{ version: offered, ...defined({ opensAt: this.#release.opensAt?.(host.name) }) }] : [],
      ...(staged === undefined ? {} : { staged }),
      ...(fallback === undefined ? {} : { fallback }),
      onTrial,
      held,
      ...(accepted === undefined ? {} : { accepted }),
      ...(refused === undefined ? {} : { refused }),
    };
  }

  #reportText(host: Host): string {
    return JSON.stringify(this.#reportOf(host));
  }

  async #report(host: Host): Promise<void> {
    const patch = { metadata: { annotations: { [annotations.report]: this.#reportText(host) } } };
    const written = await this.#persist(
      async () => await this.#client.patch(nodes, { name: host.name }, patch, this.#stop.signal),
    );
    if (written.kind === "written") this.#nodes.take(written.object);
  }

  async #live(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const known = this.#nodes.changes;
      let away = 0;
      for (const node of this.#nodes.objects.values()) {
        const isAway = node.metadata.annotations[annotations.cordoned] === "ours" && node.spec.unschedulable;
        if (isAway) away++;
        this.#timeCordon(node.metadata.name, isAway);
        const host = this.#hosts.get(node.metadata.name);
        if (host === undefined || host.busy || host.isAway) continue;
        const order = noted(Order, node.metadata.annotations[annotations.order]);
        if (order === undefined || order.boot !== bootOf(host)) continue;
        if (order.do === "prepare" && host.staged === order.version) continue;
        host.busy = true;
        void this.#obey(host, order).finally(() => {
          host.busy = false;
        });
      }
      this.mostAway = Math.max(this.mostAway, away);
      await Bun.sleep(100);
      if (this.#nodes.changes === known) {
        await Promise.race([this.#nodes.changedSince(known, signal), Bun.sleep(1_000)]).catch(() => undefined);
      }
    }
  }

  #timeCordon(name: string, isCordoned: boolean): void {
    const sinceMs = this.#cordonedMs.get(name);
    if (isCordoned === (sinceMs !== undefined)) return;
    if (sinceMs === undefined) this.#cordonedMs.set(name, performance.now());
    else {
      this.#cordonedMs.delete(name);
      this.awayMs.push(performance.now() - sinceMs);
    }
  }

  async #obey(host: Host, order: Order): Promise<void> {
    try {
      const isReboot = order.do !== "prepare";
      const node = isReboot
        ? await this.#client.get(nodes, { name: host.name }, this.#stop.signal)
        : this.node(host.name);
      if (node === undefined) return;
      const left = isReboot ? await podsOn(this.#client, host.name, this.#stop.signal) : [];
      await this.#act(host, node, left);
    } catch {
      await Bun.sleep(300); // the cluster is away
    }
  }

  async #act(host: Host, node: NodeObject, left: readonly NodePod[]): Promise<void> {
    const texts = node.metadata.annotations;
    const now = new Date();
    const offers = this.#reportOf(host)
      .offers.filter(({ opensAt }) => opensAt === undefined || opensAt <= now)
      .map(({ version }) => version);
    const self = { ...host, boot: bootOf(host), mayTake: offers };
    const own = {
      unschedulable: node.spec.unschedulable,
      claim: Number(texts[annotations.claim] ?? 0),
      over: Number(texts[annotations.over] ?? 0),
      order: noted(Order, texts[annotations.order]),
      accepted: noted(HostReport, texts[annotations.report])?.accepted,
      pods: left,
    };
    const obedience = obey(self, own, now);
    switch (obedience.kind) {
      case "rest":
        return;
      case "refuse":
        if (host.refused?.order === obedience.order.id && host.refused.reason === obedience.reason)
          return await Bun.sleep(200);
        host.refused = { order: obedience.order.id, reason: obedience.reason };
        return await this.#report(host);
      case "prepare":
        await Bun.sleep(100);
        [host.staged, host.refused, host.fallback] = [obedience.order.version, undefined, undefined];
        return await this.#report(host);
      case "accept":
        return await this.#accept(host, node, obedience.order);
      case "reboot":
        return await this.#reboot(host, obedience.order);
    }
  }

  async #accept(host: Host, node: NodeObject, order: Order): Promise<void> {
    const { resourceVersion } = node.metadata;
    const report = { ...this.#reportOf(host), accepted: order.id, refused: undefined };
    const patch = { metadata: { resourceVersion, annotations: { [annotations.report]: JSON.stringify(report) } } };
    const written = await this.#client.patch(nodes, { name: host.name }, patch, this.#stop.signal);
    if (written.kind !== "written") return;
    [host.accepted, host.refused] = [order.id, undefined];
    this.#nodes.take(written.object);
  }

  async #reboot(host: Host, order: Order): Promise<void> {
    if (host.rebootedBy.includes(order.id)) this.violations.push(`${host.name} reboots twice by ${order.id}`);
    host.rebootedBy.push(order.id);
    this.reboots.push(host.name);
    const before = host.version;
    const isBad = order.do === "reboot-into" && this.#release.badOn?.includes(host.name) === true;
    host.isAway = true;
    await this.#kubelet(host, false);
    await Bun.sleep(this.#options.awayMs * (0.5 + Math.random()));
    host.boots += isBad ? 2 : 1;
    Object.assign(host, { isAway: false, accepted: undefined, refused: undefined, staged: undefined });
    if (isBad) {
      host.held = [
        ...host.held,
        { version: order.version, reason: "not healthy after 120 s: containerd.service failed" },
      ];
    } else {
      Object.assign(host, { version: order.version, fallback: before, onTrial: order.do === "reboot-into" });
    }
    await this.#report(host);
    await this.#kubelet(host, true);
    if (!host.onTrial) return;
    await Bun.sleep(300);
    host.onTrial = false;
    await this.#report(host);
  }

  /** Pods run as soon as they are put on a node, and end as soon as they are to. */
  async #runPods(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const known = this.#pods.changes;
      for (const pod of this.#pods.objects.values()) {
        try {
          await this.#runPod(pod, signal);
        } catch {
          await Bun.sleep(100); // the cluster is away
        }
      }
      await Bun.sleep(100);
      if (this.#pods.changes === known) {
        await Promise.race([this.#pods.changedSince(known, signal), Bun.sleep(1_000)]).catch(() => undefined);
      }
    }
  }

  async #runPod({ metadata, spec, status }: Pod, signal: AbortSignal): Promise<void> {
    const { name, namespace } = metadata;
    if (!this.#hosts.has(spec.nodeName)) return;
    if (metadata.deletionTimestamp !== undefined) {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
      const response = await this.#client.ask(path, { method: "DELETE", body: { gracePeriodSeconds: 0 } }, signal);
      await response.body?.cancel();
      return;
    }
    const ready = this.unready.has(metadata.labels["app"] ?? "") ? "False" : "True";
    const isShown = status.conditions.some((each) => each.type === "Ready" && each.status === ready);
    if ((status.phase !== "Pending" && status.phase !== "Running") || isShown) return;
    const conditions = ["Initialized", "ContainersReady", "Ready"].map((type) => ({ type, status: ready }));
    const patch = { status: { phase: "Running", conditions } };
    const written = await this.#client.patch(pods, { name, namespace, subresource: "status" }, patch, signal);
    if (written.kind === "written") this.#pods.take(written.object);
  }
}

function bootOf({ name, boots }: Pick<Host, "name" | "boots">): string {
  return `${name}-boot-${boots}`;
}
