/**
 * Protects: fleets of up to 5,000 nodes come to a new version in waves, under a disruption budget, while the operator is killed
 * every minute, its watches are cut and expire, and the API server restarts; and what that costs stays small.
 *
 * The figures lie in build/test/large-fleet-<nodes>.json afterwards.
 */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fleetPolicies } from "../../../cluster/operator/policy-object.ts";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { kubeconfigConnection } from "../../../kubernetes/kubeconfig.ts";
import { type ControlPlane, startControlPlane } from "../../../vm/cluster/control-plane.ts";
import { eventually } from "../../eventually.ts";
import { FakeFleet } from "../../worlds/cluster/fake-fleet.ts";
import { type OperatorProcess, startOperator } from "../../worlds/cluster/operator-process.ts";
import { RoughProxy } from "../../worlds/cluster/rough-proxy.ts";

const repository = join(import.meta.dir, "../../..");
const builds = join(repository, "build/test");
const hourMs = 3_600_000;
const limitMs = 2 * hourMs;
const killMs = 60_000;
const cutMs = 13_000;
const restMs = 60_000;
const quietMs = 10_000;
const pollMs = 1_000;
const mostBytes = 200 * 1024 * 1024;
/** Of the nodes, how many are in the first wave. */
const firstWave = 0.2;
const { signal } = new AbortController();

const web = { app: "web" };
const containers = [{ name: "main", image: "example.com/none:1" }];
const template = { metadata: { labels: web }, spec: { containers, terminationGracePeriodSeconds: 0 } };
type Fleet = { count: number; percentAway: number };
/** Twice as many at once where nodes are many, so that the largest takes no longer than the others. */
const fleets: readonly Fleet[] = [
  { count: 100, percentAway: 5 },
  { count: 1_000, percentAway: 5 },
  { count: 5_000, percentAway: 10 },
];
const objectsFor = ({ count: nodes, percentAway }: Fleet): object[] => [
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: { replicas: Math.ceil(nodes / 5), selector: { matchLabels: web }, template },
  },
  {
    apiVersion: "policy/v1beta1",
    kind: "PodDisruptionBudget",
    metadata: { name: "web", namespace: "default" },
    spec: { maxUnavailable: "10%", selector: { matchLabels: web } },
  },
  {
    apiVersion: "fleet.orlop.dev/v1alpha1",
    kind: "FleetPolicy",
    metadata: { name: "all" },
    spec: { maxUnavailable: `${percentAway}%`, maxPreparing: 250, soak: { seconds: 1 }, drain: { retryAfter: "5s" } },
  },
];

/** One operator at a time, which is killed every minute; what all of them took. */
class MortalOperator {
  readonly #kubeconfig: string;
  #running: OperatorProcess | undefined;
  peakBytes = 0;
  processorSeconds = 0;
  deaths = 0;

  constructor(kubeconfig: string) {
    this.#kubeconfig = kubeconfig;
  }

  async live(until: AbortSignal): Promise<void> {
    for (let sinceMs = performance.now(); !until.aborted; await Bun.sleep(1_000)) {
      if (this.#running === undefined) {
        this.#running = await startOperator(this.#kubeconfig, `operator-${this.deaths}`);
        sinceMs = performance.now();
      }
      this.peakBytes = Math.max(this.peakBytes, await this.#running.peakMemoryBytes());
      if (performance.now() - sinceMs > killMs) await this.kill();
    }
  }

  async kill(): Promise<void> {
    if (this.#running === undefined) return;
    this.peakBytes = Math.max(this.peakBytes, await this.#running.peakMemoryBytes());
    this.processorSeconds += await this.#running.processorSeconds();
    this.deaths++;
    await this.#running.kill();
    this.#running = undefined;
  }
}

/** Cuts watches off, lets every third one expire, and restarts the API server once in the middle. */
async function trouble(
  cluster: ControlPlane,
  proxy: RoughProxy,
  half: () => boolean,
  until: AbortSignal,
): Promise<void> {
  for (let round = 1, hasRestarted = false; !until.aborted; round++) {
    await Bun.sleep(cutMs);
    if (round % 3 === 0) proxy.expireNext();
    else proxy.cutWatches();
    if (hasRestarted || !half()) continue;
    hasRestarted = true;
    await cluster.stopApiServer();
    await Bun.sleep(3_000);
    await cluster.startApiServer(AbortSignal.timeout(300_000));
  }
}

for (const size of fleets) {
  const { count, percentAway } = size;
  test(
    `a fleet of ${count} nodes`,
    async () => {
      const directory = join(builds, `large-fleet-${count}`);
      await using cluster = await startControlPlane({
        directory,
        kubeletPort: async () => Promise.resolve(undefined),
        withoutControllers: ["nodelifecycle", "nodeipam"],
        signal,
      });
      const client = new KubernetesClient(await kubeconfigConnection(cluster.kubeconfig));
      await cluster.kubectl(["apply", `--filename=${join(repository, "cluster/chart/orlop-fleet/crds")}`]);
      await using fleet = await FakeFleet.start(client, { count, version: "1.0.0", zones: ["a", "b", "c"] });
      const list = { apiVersion: "v1", kind: "List", items: objectsFor(size) };
      await cluster.kubectl(["apply", "--filename=-"], { stdin: JSON.stringify(list) });
      await using proxy = new RoughProxy(cluster);
      const kubeconfig = join(directory, "operator.conf");
      await proxy.writeKubeconfig(kubeconfig);

      const startedMs = performance.now();
      const secondWave = new Date(Date.now() + 30_000 + count * 10);
      const early = new Set(fleet.names.slice(0, count * firstWave));
      const isFirst = (name: string): boolean => early.has(name);
      await fleet.publish({ version: "1.1.0", opensAt: (name) => (isFirst(name) ? new Date(0) : secondWave) });
      const over = new AbortController();
      const operator = new MortalOperator(kubeconfig);
      const half = (): boolean => fleet.countOf("1.1.0") > count / 2;
      const work = Promise.all([operator.live(over.signal), trouble(cluster, proxy, half, over.signal)]);
      while (Date.now() < secondWave.getTime()) {
        expect(fleet.reboots.every(isFirst)).toBe(true);
        await Bun.sleep(500);
      }
      while (fleet.countOf("1.1.0") < count || cordoned(fleet).length > 0) await Bun.sleep(pollMs);
      const rollOutMs = performance.now() - startedMs;
      over.abort();
      await work;
      const requests = Object.fromEntries([...proxy.requests].toSorted(([, a], [, b]) => b - a));
      const asked = proxy.total;
      await operator.kill();

      const figures = {
        nodes: count,
        rollOutSeconds: rollOutMs / 1000,
        operatorDeaths: operator.deaths,
        watchCuts: proxy.cuts,
        expiredWatches: proxy.expirations,
        operatorPeakBytes: operator.peakBytes,
        operatorProcessorSeconds: operator.processorSeconds,
        requests,
        requestsPerNode: asked / count,
        mostAway: fleet.mostAway,
        medianAwaySeconds: (fleet.awayMs.toSorted((a, b) => a - b)[Math.floor(fleet.awayMs.length / 2)] ?? 0) / 1000,
      };
      const keep = async (more: object): Promise<void> =>
        await writeFile(
          join(builds, `large-fleet-${count}.json`),
          JSON.stringify({ ...figures, ...more }, undefined, 2),
        );
      await keep({});

      expect(fleet.violations).toEqual([]);
      expect(fleet.reboots.toSorted()).toEqual(fleet.names.toSorted());
      expect(fleet.mostAway).toBeLessThanOrEqual(Math.floor((count * percentAway) / 100));

      await using _last = await startOperator(kubeconfig, "at-rest");
      await eventually(async () => expect((await cluster.kubectl(claims)).stdout).toMatch(/^(\[\])?$/), limitMs);
      await eventually(async () => expect(await updatedOf(client)).toBe(count), limitMs);
      await untilQuiet(proxy);
      const askedBefore = proxy.total;
      await Bun.sleep(restMs);
      const perNodeAndHour = (total: number, ms: number): number => total / count / (ms / hourMs);
      await keep({ requestsPerNodeAndHourAtRest: perNodeAndHour(proxy.total - askedBefore, restMs) });
      expect(proxy.expirations).toBeGreaterThan(0);
      expect(operator.peakBytes).toBeLessThan(mostBytes);
    },
    limitMs,
  );
}

const StatusCounts = z.object({ counts: z.object({ upToDate: z.number() }) });
const claims = ["get", "fleetpolicy", "all", "--output=jsonpath={.status.claims}"];

function cordoned(fleet: FakeFleet): string[] {
  return fleet.names.filter((name) => fleet.node(name)?.spec.unschedulable === true);
}

/** What is shown of a large fleet is written as it comes. */
async function untilQuiet({ requests }: RoughProxy): Promise<void> {
  for (let before = -1, now = 0; before !== now; [before, now] = [now, requests.get("PATCH nodeupdates") ?? 0]) {
    await Bun.sleep(quietMs);
  }
}

/** How many nodes the policy's status counts as done. */
async function updatedOf(client: KubernetesClient): Promise<number> {
  const policy = await client.get(fleetPolicies, { name: "all" }, signal);
  return StatusCounts.parse(policy?.status).counts.upToDate;
}
