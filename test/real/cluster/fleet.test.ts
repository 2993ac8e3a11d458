/**
 * Protects: a fleet comes to a new version within its budget, whatever is killed meanwhile; it stops at the first node that
 * does not come back well; a drain that a budget holds is given back; and a person's cordon stays.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { kubeconfigConnection } from "../../../kubernetes/kubeconfig.ts";
import { run } from "../../../lib/program/process.ts";
import { type ControlPlane, startControlPlane } from "../../../vm/cluster/control-plane.ts";
import { eventually } from "../../eventually.ts";
import { FakeFleet } from "../../worlds/cluster/fake-fleet.ts";
import { type OperatorProcess, startOperator } from "../../worlds/cluster/operator-process.ts";

const repository = join(import.meta.dir, "../../..");
const compileMs = 45 * 60_000;
const count = 60;
const budget = 15;
const longMs = 240_000;
const { signal } = new AbortController();
let cluster: ControlPlane;
let client: KubernetesClient;
let fleet: FakeFleet;
let operator: OperatorProcess;

beforeAll(async () => {
  cluster = await startControlPlane({
    directory: join(repository, "build/test/fleet"),
    kubeletPort: async () => Promise.resolve(undefined),
    withoutControllers: ["nodelifecycle"],
    signal,
  });
  client = new KubernetesClient(await kubeconfigConnection(cluster.kubeconfig));
  await cluster.kubectl(["apply", `--filename=${join(repository, "cluster/chart/orlop-fleet/crds")}`]);
  fleet = await FakeFleet.start(client, { count, version: "1.0.0" });
  await apply(deployment("web", 20), budgetOf("web", { maxUnavailable: 10 }));
  await eventually(async () => expect(await readyReplicas("web")).toBe(20), 60_000);
  operator = await anOperator("first");
}, compileMs);
afterAll(async () => {
  await operator?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

async function anOperator(name: string): Promise<OperatorProcess> {
  return await startOperator(cluster.kubeconfig, name);
}

async function apply(...items: object[]): Promise<void> {
  const list = { apiVersion: "v1", kind: "List", items };
  await cluster.kubectl(["apply", "--filename=-"], { stdin: JSON.stringify(list) });
}

function deployment(name: string, replicas: number): object {
  const labels = { app: name };
  const containers = [{ name: "main", image: "example.com/none:1" }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 0 } },
    },
  };
}

function budgetOf(name: string, allowed: { maxUnavailable: number }): object {
  const spec = { ...allowed, selector: { matchLabels: { app: name } } };
  return { apiVersion: "policy/v1beta1", kind: "PodDisruptionBudget", metadata: { name, namespace: "default" }, spec };
}

const policyOf = (spec: object) => ({
  apiVersion: "fleet.orlop.dev/v1alpha1",
  kind: "FleetPolicy",
  metadata: { name: "web" },
  spec: {
    nodeSelector: { fleet: "fake" },
    maxUnavailable: budget,
    maxPreparing: count,
    soak: { seconds: 1 },
    drain: { timeout: "120s", retryAfter: "5s" },
    ...spec,
  },
});

/** As on the laptop of somebody who has a kubeconfig. */
async function laptop(...words: string[]): Promise<string> {
  return (await run([join(repository, "orlop"), "fleet", ...words, "--kubeconfig", cluster.kubeconfig])).stdout;
}

async function readyReplicas(name: string): Promise<number> {
  const words = ["get", "deployment", name, "--output=jsonpath={.status.readyReplicas}"];
  return Number((await cluster.kubectl(words)).stdout);
}

async function conditionOf(type: string): Promise<string> {
  const path = `--output=jsonpath={.status.conditions[?(@.type=="${type}")].status}: {.status.conditions[?(@.type=="${type}")].message}`;
  return (await cluster.kubectl(["get", "fleetpolicy", "web", path])).stdout;
}

async function messageOf(node: string): Promise<string> {
  return (await cluster.kubectl(["get", "nodeupdate", node, "--output=jsonpath={.status.message}"])).stdout;
}

test("an API server refuses a policy that says what the operator does not know", async () => {
  const wrong = async (spec: object) => {
    const words = ["create", "--dry-run=server", "--filename=-"];
    await cluster.kubectl(words, { stdin: JSON.stringify(policyOf(spec)) });
  };
  await expect(wrong({ maxUnavailable: 0 })).rejects.toThrow("spec.maxUnavailable");
  await expect(wrong({ onSoakFailure: "ignore" })).rejects.toThrow("spec.onSoakFailure");
  await expect(wrong({ windows: [{ length: "4h" }] })).rejects.toThrow("spec.windows");
  await expect(wrong({ drain: { timeout: "soon" } })).rejects.toThrow("spec.drain.timeout");
  await wrong({ windows: [{ start: "02:00", length: "4h", timeZone: "Europe/Berlin" }], maxUnavailable: "10%" });
});

test(
  "a fleet comes to the new version within its budget, though operator and API server are killed in between",
  async () => {
    await cluster.kubectl(["cordon", "node-0007"]);
    await apply(policyOf({}));
    await fleet.publish({ version: "1.1.0" });
    await eventually(() => expect(fleet.countOf("1.1.0")).toBeGreaterThan(0), longMs);
    await operator.kill();
    operator = await anOperator("second");
    await eventually(() => expect(fleet.countOf("1.1.0")).toBeGreaterThan(count / 4), longMs);
    await using _third = await anOperator("third");
    await cluster.stopApiServer();
    await Bun.sleep(2_000);
    await cluster.startApiServer(AbortSignal.timeout(120_000));
    await operator.kill();
    operator = await anOperator("fourth");
    await eventually(() => expect(fleet.countOf("1.1.0")).toBe(count - 1), longMs);
    expect(fleet.violations).toEqual([]);
    expect(fleet.mostAway).toBeLessThanOrEqual(budget);
    expect(fleet.mostAway).toBeGreaterThan(1);
    for (const name of fleet.names) expect(fleet.rebootsOf(name)).toBe(name === "node-0007" ? 0 : 1);
  },
  3 * longMs,
);

test(
  "a node that a person has cordoned is left alone, and told so; afterwards nothing of ours is left on any node",
  async () => {
    await eventually(async () => expect(await messageOf("node-0007")).toContain("somebody has cordoned it"), 60_000);
    expect(fleet.node("node-0007")?.spec.unschedulable).toBe(true);
    await eventually(() => {
      const cordoned = fleet.names.filter((name) => fleet.node(name)?.spec.unschedulable === true);
      expect(cordoned).toEqual(["node-0007"]);
    }, 60_000);
    await cluster.kubectl(["uncordon", "node-0007"]);
    await eventually(() => expect(fleet.countOf("1.1.0")).toBe(count), longMs);
    await eventually(
      async () =>
        expect(await conditionOf("UpToDate")).toBe(`True: ${count} of ${count} nodes run what they are to run`),
      60_000,
    );
    await eventually(async () => {
      const { stdout: columns } = await cluster.kubectl(["get", "fp,nu"]);
      expect(columns).toMatch(new RegExp(`^fleetpolicy\\S*/web +${count} +${count} +0 +0 +False +\\S`, "m"));
      expect(columns).toMatch(/^nodeupdate\S*\/node-0007 +1\.1\.0 +Idle +runs 1\.1\.0, which is what it is to run$/m);
    }, 60_000);
    const metrics = await operator.metrics();
    expect(metrics).toContain(`orlop_fleet_up_to_date{policy="web"} ${count}\n`);
    // This operator began after the others had done their part; the last node it has brought there alone.
    const counted = /^orlop_fleet_away_duration_seconds_count\{policy="web"\} (\d+)$/m.exec(metrics)?.[1];
    expect(Number(counted)).toBeWithin(1, count);
    const { stdout } = await cluster.kubectl(["get", "events", "--field-selector=involvedObject.name=node-0007"]);
    for (const reason of ["Draining", "Rebooting", "Soaking", "Updated"]) expect(stdout).toContain(reason);
  },
  2 * longMs,
);

test(
  "a drain that a budget holds is told with the budget's name, and given back in time",
  async () => {
    await apply(policyOf({ drain: { timeout: "12s", retryAfter: "5s" }, maxUnavailable: 1 }));
    await apply(deployment("held", count), budgetOf("held", { maxUnavailable: 0 }));
    await eventually(async () => expect(await readyReplicas("held")).toBeGreaterThan(count / 2), 120_000);
    await fleet.publish({ version: "1.2.0" });
    const words = ["get", "events", '--output=jsonpath={range .items[*]}{.reason}: {.message}{"\\n"}{end}'];
    await eventually(async () => {
      const { stdout } = await cluster.kubectl(words);
      expect(stdout).toMatch(
        /GivenBack: given back, and tried again at .*: not drained after 12 s: .*budget held needs/,
      );
    }, 120_000);
    const away = fleet.names.filter((name) => fleet.node(name)?.spec.unschedulable === true);
    expect(away.length).toBeLessThanOrEqual(1);
    await cluster.kubectl(["delete", "deployment,poddisruptionbudget", "held"]);
    await apply(policyOf({}));
    await eventually(() => expect(fleet.countOf("1.2.0")).toBe(count), longMs);
    expect(fleet.violations).toEqual([]);
  },
  3 * longMs,
);

test(
  "a version that does not prove healthy stops the fleet at the first node, with the command that lets it go on",
  async () => {
    await fleet.publish({ version: "1.3.0", badOn: fleet.names });
    await eventually(async () => expect(await conditionOf("Halted")).toContain("containerd.service failed"), longMs);
    expect(await conditionOf("Halted")).toContain(
      "kubectl annotate fleetpolicy web --overwrite fleet.orlop.dev/resume=",
    );
    await eventually(async () => {
      const { stdout } = await cluster.kubectl(["get", "fleetpolicy", "web", "--output=jsonpath={.status.claims}"]);
      expect(["", "[]"]).toContain(stdout);
    }, 60_000);
    const halt =
      /node-\d+ failed with 1\.3\.0: went back to 1\.2\.0: not healthy after 120 s: containerd\.service failed/;
    expect(await laptop("status")).toMatch(new RegExp(`Halted True: ${halt.source}`));
    const failed = fleet.names.find((name) => fleet.rebootsOf(name) > 2) ?? "";
    expect(await laptop("explain", failed)).toContain(
      "keeps away from 1.3.0, which failed here: not healthy after 120 s",
    );
    expect(await laptop("history")).toMatch(new RegExp(`web {2}Halted: ${halt.source}`));
    // One canary went first, and no other was touched.
    expect(fleet.names.filter((name) => fleet.rebootsOf(name) > 2)).toHaveLength(1);
    expect(fleet.countOf("1.2.0")).toBe(count);
    const id = (await cluster.kubectl(["get", "fleetpolicy", "web", "--output=jsonpath={.status.halted.id}"])).stdout;
    await fleet.publish({ version: "1.4.0" });
    await cluster.kubectl(["annotate", "fleetpolicy", "web", "--overwrite", `fleet.orlop.dev/resume=${id}`]);
    await eventually(() => expect(fleet.countOf("1.4.0")).toBe(count), longMs);
    expect(fleet.violations).toEqual([]);
    expect(fleet.mostAway).toBeLessThanOrEqual(budget);
  },
  3 * longMs,
);

test(
  "a policy that is deleted in the middle gives back what was begun",
  async () => {
    await fleet.publish({ version: "1.5.0" });
    await eventually(() => expect(fleet.countOf("1.5.0")).toBeGreaterThan(0), longMs);
    await cluster.kubectl(["delete", "fleetpolicy", "web", "--timeout=120s"]);
    await eventually(() => {
      expect(fleet.names.filter((name) => fleet.node(name)?.spec.unschedulable === true)).toEqual([]);
    }, 60_000);
    expect(fleet.violations).toEqual([]);
    expect(await operator.memoryBytes()).toBeLessThan(200 * 1024 * 1024);
  },
  2 * longMs,
);
