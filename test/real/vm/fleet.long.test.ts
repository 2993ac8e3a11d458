/**
 * Protects: a fleet of real machines with real pods. A drain that a disruption budget holds is given back; a good version
 * reaches both nodes, one after the other, though the operator dies after every step; a version that is bad reaches one node,
 * which goes back by itself, and no other; one whose workloads fail is taken back. All of it is told in sentences, and by the
 * page of the fleet in Chromium.
 *
 * How long a node was away, and for what, is printed.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { fleetPolicies, nodeUpdates } from "../../../cluster/operator/policy-object.ts";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { kubeconfigConnection } from "../../../kubernetes/kubeconfig.ts";
import { run } from "../../../lib/program/process.ts";
import { CrashingOperator } from "../../worlds/cluster/crashing-operator.ts";
import { type FleetPage, openFleetPage } from "../../worlds/console/fleet-page.ts";
import { startMs, TestCluster } from "./cluster.ts";
import { AbsenceRecord, partsOf } from "./absence-record.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { brokenUnit } from "./spoiled-kernel.ts";
import { directory, type TestHost } from "./test-host.ts";

const repository = join(import.meta.dir, "../../..");
/** By its name and by the policy's canaries, the first. */
const [first, second] = ["fleet-1", "fleet-2"];
const [bad, unwelcome] = ["0.3.0", "0.4.0"];
const drainSeconds = 45;
/** From the start of the health gate; a node is ready a while before. */
const provedSeconds = 300;
/** What is bad never becomes healthy. */
const notProvedSeconds = 40;
/** Several boots in a guest that emulation makes slow. */
const rollOutMs = 1_500_000;
const pollMs = 1_000;
const { signal } = new AbortController();

let cluster: TestCluster;
let client: KubernetesClient;
let published: PublishedImages;
let operator: CrashingOperator;
let record: AbsenceRecord;
let page: FleetPage;
const hosts: TestHost[] = [];

/** What the pods serve, as far as the policy's gate is concerned. */
const shop = { status: 200 };
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("", { status: shop.status }) });

beforeAll(async () => {
  cluster = await TestCluster.start("fleet");
  client = new KubernetesClient(await kubeconfigConnection(cluster.controlPlane.kubeconfig));
  await cluster.kubectl("apply", `--filename=${join(repository, "cluster/chart/orlop-fleet/crds")}`);
  published = await PublishedImages.open("fleet", "metal-k8s-1.20");
  await published.offer(bad, brokenUnit("containerd.service", "ExecStart=", "ExecStart=/usr/bin/false"));
  await published.offer(unwelcome);
  const settings = {
    updates: { ...published.settings, health: { "timeout-seconds": provedSeconds } },
    kubernetes: { "updates-by-cluster": true },
  };
  const { image } = published.images.older;
  hosts.push(
    ...(await Promise.all([first, second].map(async (name) => await cluster.boot(name, settings, { image })))),
  );
  for (const host of hosts) await cluster.untilReady(host);
  record = AbsenceRecord.start(client);
  operator = await CrashingOperator.start(cluster.controlPlane, join(directory, "fleet-cluster"));
  page = await openFleetPage(cluster.controlPlane.kubeconfig, signal);
}, startMs);
afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  await operator?.[Symbol.asyncDispose]();
  await record?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
  await server.stop(true);
});

const policyOf = (spec: object) => ({
  apiVersion: "fleet.orlop.dev/v1alpha1",
  kind: "FleetPolicy",
  metadata: { name: "web" },
  spec: {
    maxUnavailable: 1,
    order: { canarySelector: { "kubernetes.io/hostname": first } },
    drain: { timeout: "10m", retryAfter: "1s" },
    soak: { seconds: 5, timeout: "20s", gates: [{ name: "shop", http: { url: server.url.href } }] },
    onSoakFailure: "rollback",
    ...spec,
  },
});

const labels = { app: "web" };
const web = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [{ name: "main", image: "orlop.local/pause:1", imagePullPolicy: "Never" }],
        terminationGracePeriodSeconds: 5,
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "kubernetes.io/hostname",
            whenUnsatisfiable: "ScheduleAnyway",
            labelSelector: { matchLabels: labels },
          },
        ],
      },
    },
  },
};
const budgetOf = (maxUnavailable: number) => ({
  apiVersion: "policy/v1beta1",
  kind: "PodDisruptionBudget",
  metadata: { name: "web" },
  spec: { maxUnavailable, selector: { matchLabels: labels } },
});

/** @throws {Error} what was seen last, when it did not become so in time */
async function untilSeen(look: () => Promise<string> | string, wanted: RegExp, withinMs = rollOutMs): Promise<string> {
  for (const deadlineMs = performance.now() + withinMs; ; await Bun.sleep(pollMs)) {
    const seen = await look();
    if (wanted.test(seen)) return seen;
    if (performance.now() > deadlineMs) throw new Error(`still after ${withinMs / 1000} s, not ${wanted}: ${seen}`);
  }
}

async function messageOf(node: string): Promise<string> {
  const update = await client.get(nodeUpdates, { name: node }, signal);
  return String(update?.status["message"]);
}

async function conditions(): Promise<string> {
  const policy = await client.get(fleetPolicies, { name: "web" }, signal);
  return JSON.stringify(policy?.status);
}

const fleet = async (...words: string[]): Promise<string> =>
  (await run([join(repository, "orlop"), "fleet", ...words, "--kubeconfig", cluster.controlPlane.kubeconfig])).stdout;

/** What the page of the fleet shows, in the view that is open. */
const shown = async (): Promise<string> => await page.driver.text();

const versionsNow = (): string => [first, second].map((name) => record.report(name)?.version).join(" ");
const areFree = (): boolean => [first, second].every((name) => record.isSchedulable(name));

test("both hosts report to the fleet, and offer what their repository has", async () => {
  await cluster.apply(web);
  await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=600s");
  for (const name of [first, second]) {
    await untilSeen(() => JSON.stringify(record.report(name)?.offers), new RegExp(`"${unwelcome}"`));
    expect(record.report(name)).toMatchObject({ version: older, variant: "metal-k8s-1.20", onTrial: false, held: [] });
  }
  const nodes = await cluster.kubectl("get", "pods", "--output=jsonpath={.items[*].spec.nodeName}");
  expect(nodes.split(" ").toSorted()).toEqual([first, second]);
});

test("a drain that a disruption budget holds is told with its name, and given back after its deadline", async () => {
  await cluster.apply(budgetOf(0));
  await cluster.apply(policyOf({ versions: { pin: newer }, drain: { timeout: `${drainSeconds}s`, retryAfter: "1h" } }));
  const told = /waits for 1 pod to leave, until .*: default\/web-.*: .*budget web needs 2 healthy pods/;
  await untilSeen(async () => await messageOf(first), told);
  expect(record.isSchedulable(first)).toBe(false);
  expect(await fleet("explain", first)).toMatch(told);
  await untilSeen(shown, new RegExp(`${first} ${told.source}`));
  await untilSeen(async () => await messageOf(first), /^is tried again at /);
  const reason = /not drained after 45 s: it waits for 1 pod to leave, until .*: .*budget web needs 2 healthy pods/;
  expect(await messageOf(first)).toMatch(reason);
  expect(areFree()).toBe(true);
  expect(await fleet("history")).toMatch(
    new RegExp(`${first}  GivenBack: given back, and tried again at .*: ${reason.source}`),
  );
  expect(record.bootsOf(first)).toBe(1);
});

test("a good version reaches both nodes, one after the other, though the operator dies after every step", async () => {
  operator.dies = (step) => !step.includes(second);
  await cluster.apply(budgetOf(1));
  await cluster.apply(policyOf({ versions: { pin: newer } }));
  await letTryAgain(first);
  for (const name of [first, second]) await untilSeen(shown, new RegExp(`${name} reboots`));
  await untilSeen(versionsNow, new RegExp(`^${newer} ${newer}$`));
  await untilSeen(conditions, /2 of 2 nodes run what they are to run/);
  await untilSeen(() => operator.deaths.join("; "), /; claims$/);
  expect(areFree()).toBe(true);
  expect(record.mostAway).toBe(1);
  expect([first, second].map((name) => record.bootsOf(name))).toEqual([2, 2]);
  const steps = [`claims ${first}`, `${first}: Draining`, "evicts", `${first}: Rebooting`, `${first}: Soaking`];
  expect(operator.deaths).toEqual(expect.arrayContaining([...steps, `${first}: at rest`, "claims"]));
  operator.dies = () => false;
  // What the operator that lived did to the second node is told step by step.
  const history = await fleet("history");
  for (const reason of ["Draining", "Rebooting", "Soaking", "Updated"])
    expect(history).toContain(`${second}  ${reason}: `);
  await untilSeen(shown, /all 2 nodes run what they are to run/);
  await page.driver.openView("history");
  await untilSeen(shown, new RegExp(`How long each part took.*${second}✓ Updated`, "s"));
  await page.driver.openView("");
  await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=600s");
  expect(await messageOf(first)).toBe(`runs ${newer}, which is what it is to run`);
  tellOfAbsences();
  // Kubelet takes a minute for each pod that is to end, and what follows is about versions.
  await cluster.kubectl("scale", "deployment/web", "--replicas=0");
});

test("a bad version reaches the first node, which goes back by itself; the fleet halts, and the second is not touched", async () => {
  for (const host of hosts) await host.commit({ updates: { health: { "timeout-seconds": notProvedSeconds } } });
  await cluster.apply(policyOf({ versions: { pin: bad } }));
  const failed = `${first} failed with ${bad}: went back to ${newer}: not healthy after ${notProvedSeconds} s: .*(containerd|kubelet).service`;
  const halted = await untilSeen(conditions, new RegExp(failed));
  expect(halted).toContain("kubectl annotate fleetpolicy web --overwrite fleet.orlop.dev/resume=");
  await untilSeen(() => String(areFree()), /true/);
  expect(versionsNow()).toBe(`${newer} ${newer}`);
  expect(record.bootsOf(second)).toBe(2);
  expect(record.absencesOf(second)).toHaveLength(1);
  await untilSeen(
    async () => await messageOf(first),
    new RegExp(`^keeps away from ${bad}, which failed here: not healthy after`),
  );
  await untilSeen(async () => await messageOf(second), new RegExp(`^waits: the roll-out is halted since ${failed}`));
  const seen = await untilSeen(shown, new RegExp(`halted.*${failed}`, "s"));
  expect(seen).toContain("kubectl annotate fleetpolicy web --overwrite fleet.orlop.dev/resume=");
  const status = await fleet("status");
  expect(status).toMatch(new RegExp(`Halted True: ${failed}`));
  expect(status).toMatch(new RegExp(`${second}  ${newer}  waits: the roll-out is halted since ${failed}`));
  expect(await fleet("explain", first)).toContain(`keeps away from ${bad}, which failed here: not healthy after`);
  const history = await fleet("history");
  expect(history).toMatch(new RegExp(`web  Halted: ${failed}`));
  expect(history).toMatch(new RegExp(`${first}  Failed: ${bad} failed here: went back`));
});

test("a version whose workloads fail halts the fleet, and the policy takes it back on that node", async () => {
  for (const host of hosts) await host.commit({ updates: { health: { "timeout-seconds": provedSeconds } } });
  shop.status = 503;
  await cluster.apply(policyOf({ versions: { pin: unwelcome } }));
  const [, id] = /resume=(h\d+)/.exec(await conditions()) ?? [];
  await cluster.kubectl("annotate", "fleetpolicy", "web", "--overwrite", `fleet.orlop.dev/resume=${id}`);
  const failed = `${first} failed with ${unwelcome}: its soak failed after .*: it soaks .*shop: .* answers 503`;
  await untilSeen(conditions, new RegExp(failed));
  await untilSeen(versionsNow, new RegExp(`^${newer} ${newer}$`));
  await untilSeen(() => String(areFree()), /true/);
  expect(record.bootsOf(second)).toBe(2);
  expect(record.absencesOf(second)).toHaveLength(1);
  await untilSeen(
    async () => await messageOf(first),
    new RegExp(`^keeps away from ${unwelcome}, which failed here: its soak`),
  );
  expect(await fleet("history")).toMatch(new RegExp(`${first}  RollingBack: ${unwelcome} failed here, goes back: `));
  const orders = (await (await hosts[0]?.api())?.call("getHistory"))?.flatMap((entry) =>
    "order" in entry ? [entry.order] : [],
  );
  expect(orders?.map(({ do: deed, version, by }) => `${deed} ${version} by ${by}`)).toEqual([
    `go-back ${newer} by web`,
    `reboot-into ${unwelcome} by web`,
    `prepare ${unwelcome} by web`,
    `reboot-into ${bad} by web`,
    `prepare ${bad} by web`,
    `reboot-into ${newer} by web`,
    `prepare ${newer} by web`,
  ]);
});

/** A person need not wait for the hour that a node is left alone after it was given back. */
async function letTryAgain(name: string): Promise<void> {
  await cluster.kubectl("annotate", "node", name, "fleet.orlop.dev/tries-");
}

function tellOfAbsences(): void {
  for (const name of [first, second]) {
    const [absence] = record.absencesOf(name);
    if (absence === undefined) throw new Error(`nobody saw ${name} away`);
    const parts = partsOf(absence);
    const sum = (avoidable: boolean): number =>
      parts.filter((each) => each.avoidable === avoidable).reduce((total, { seconds }) => total + seconds, 0);
    const lines = parts.map(
      ({ part, seconds, avoidable }) => `  ${seconds.toFixed(1)} s ${part}${avoidable ? "" : " *"}`,
    );
    console.log(
      `${name} was away for ${(sum(true) + sum(false)).toFixed(1)} s, of which ${sum(false).toFixed(1)} s (*) cannot be avoided`,
    );
    console.log(lines.join("\n"));
  }
}
