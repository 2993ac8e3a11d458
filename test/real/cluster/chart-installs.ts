/** What Helm and an API server make of the chart, the same for each minor. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { annotations, labels } from "../../../api/fleet/annotations.ts";
import { FleetPolicySpec } from "../../../cluster/policy/fleet-policy.ts";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { kubeconfigConnection } from "../../../kubernetes/kubeconfig.ts";
import { type ControlPlane, startControlPlane } from "../../../vm/cluster/control-plane.ts";
import type { ClusterMinor } from "../../../vm/cluster/minors.ts";
import { eventually } from "../../eventually.ts";
import { FakeFleet } from "../../worlds/cluster/fake-fleet.ts";
import { chart, type Helm, makeHelm, objectsIn } from "../../worlds/cluster/helm.ts";
import { startOperator } from "../../worlds/cluster/operator-process.ts";
import { accountKubeconfig } from "../../worlds/cluster/service-account.ts";

const compileMs = 60 * 60_000;
const longMs = 240_000;
const namespace = "orlop-fleet";
const account = "fleet-orlop-fleet";
const release = ["fleet", chart, `--namespace=${namespace}`, "--set=image.repository=registry.example.com/orlop-fleet"];
/** Whatever the chart can install. */
const everything = ["--set=policy.create=true,podDisruptionBudget=true,metrics.dashboard=true,console.enabled=true"];
const brupop = [
  "--set=policy.create=true,brupop.enabled=true,brupop.max_concurrent_updates=3",
  "--set-string=brupop.exclude_from_lb_wait_time_in_sec=60",
  "--set-string=brupop.scheduler_cron_expression=0 0 3 * * MON *",
];

/** @param refines whether that minor has ValidatingAdmissionPolicies */
export function chartInstalls(minor: ClusterMinor, { refines }: { refines: boolean }): void {
  const { signal } = new AbortController();
  const directory = join(import.meta.dir, `../../../build/test/chart-${minor}`);
  let cluster: ControlPlane;
  let helm: Helm;

  beforeAll(async () => {
    const options = { directory, kubeletPort: async () => Promise.resolve(undefined), minor, signal };
    cluster = await startControlPlane({ ...options, withoutControllers: ["nodelifecycle"] });
    await mkdir(join(directory, "helm"));
    helm = await makeHelm(join(directory, "helm"), cluster.kubeconfig, signal);
  }, compileMs);
  afterAll(async () => cluster?.[Symbol.asyncDispose]());

  const rendered = async (...words: string[]) => (await helm(["template", ...release, ...words])).stdout;

  test("Helm finds nothing to say against it", async () => {
    for (const values of [[], everything, brupop]) {
      const words = ["lint", "--strict", "--quiet", chart, "--set=image.repository=registry.example.com/fleet"];
      expect((await helm([...words, ...values])).stdout.trim()).toBe("");
    }
    await expect(helm(["template", "fleet", chart])).rejects.toThrow(
      "image.repository is where the operator's image is",
    );
  });

  test("where pods are not led to the API server, its address is the operator's own", async () => {
    const deployment = async (...words: string[]) => {
      const found = objectsIn(await rendered(...words)).find(({ kind }) => kind === "Deployment");
      return JSON.stringify(found);
    };
    expect(await deployment()).not.toContain("KUBERNETES_SERVICE_HOST");
    const address = "--set-string=apiServer.host=10.0.0.1,apiServer.port=6443";
    expect(await deployment(address)).toContain(
      '{"name":"KUBERNETES_SERVICE_HOST","value":"10.0.0.1"},{"name":"KUBERNETES_SERVICE_PORT","value":"6443"}',
    );
  });

  test("brupop's values become a policy that the operator can read", async () => {
    const policy = objectsIn(await rendered(...brupop)).find(({ kind }) => kind === "FleetPolicy");
    expect(FleetPolicySpec.parse(policy?.["spec"])).toMatchObject({
      nodeSelector: { "bottlerocket.aws/updater-interface-version": "2.0.0" },
      maxUnavailable: 3,
      windows: [{ cron: "0 0 3 * * MON *", length: "1h" }],
      loadBalancer: { exclude: true, wait: 60_000 },
    });
  });

  test("the API server takes each of its objects, and has each of their APIs", async () => {
    await cluster.kubectl(["create", "namespace", namespace]);
    await cluster.kubectl(["apply", `--filename=${join(chart, "crds")}`]);
    // Helm asks this API server which APIs it has, which it does not for a template alone.
    const manifest = await rendered("--validate", ...everything);
    const kinds = objectsIn(manifest).map(({ kind }) => kind);
    for (const kind of ["Deployment", "ClusterRole", "FleetPolicy", "PodDisruptionBudget", "ConfigMap"])
      expect(kinds).toContain(kind);
    expect(kinds.includes("ValidatingAdmissionPolicy")).toBe(refines);
    const words = ["apply", "--dry-run=server", "--output=name", "--filename=-"];
    const { stdout } = await cluster.kubectl(words, { stdin: manifest });
    expect(stdout.trim().split("\n")).toHaveLength(kinds.length);
  });

  test("it installs, is changed by an upgrade, and the deployment asks for a pod", async () => {
    await helm(["install", ...release]);
    await helm(["upgrade", ...release, ...everything]);
    const words = ["get", "deployment", account, `--namespace=${namespace}`];
    // No kubelet is here, so the pod of before stays beside the one of the upgrade.
    await eventually(async () => {
      const { stdout } = await cluster.kubectl([...words, "--output=jsonpath={.status.updatedReplicas}"]);
      expect(stdout).toBe("1");
    }, longMs);
    expect((await cluster.kubectl(["get", "fleetpolicy", "default", "--output=name"])).stdout).toContain("default");
  });

  test(
    "with the rights of the chart, and no others, the operator brings a fleet to a new version",
    async () => {
      const admin = new KubernetesClient(await kubeconfigConnection(cluster.kubeconfig));
      const kubeconfig = await accountKubeconfig(cluster, directory, { namespace, name: account });
      const may = async (...words: string[]) => {
        const answer = await cluster.kubectl(["auth", "can-i", "--list", ...words, `--kubeconfig=${kubeconfig}`]);
        return answer.stdout;
      };
      expect(await may()).not.toMatch(/^(secrets|pods\/exec)\b/m);
      await using fleet = await FakeFleet.start(admin, { count: 3, version: "1.0.0" });
      await using operator = await startOperator(kubeconfig, "pod", { namespace });
      const policy = {
        spec: { nodeSelector: { fleet: "fake" }, soak: { seconds: 1 }, loadBalancer: { exclude: true, wait: "1s" } },
      };
      await cluster.kubectl(["patch", "fleetpolicy", "default", "--type=merge", `--patch=${JSON.stringify(policy)}`]);
      await fleet.publish({ version: "1.1.0" });
      await eventually(() => expect(fleet.countOf("1.1.0")).toBe(3), longMs);
      await eventually(async () => {
        const path = '--output=jsonpath={.status.conditions[?(@.type=="UpToDate")].message}';
        const { stdout } = await cluster.kubectl(["get", "fleetpolicy", "default", path]);
        expect(stdout).toBe("3 of 3 nodes run what they are to run");
      }, longMs);
      expect((await cluster.kubectl(["get", "nodeupdates", "--output=name"])).stdout.trim().split("\n")).toHaveLength(
        3,
      );
      expect((await cluster.kubectl(["get", "events"])).stdout).toContain("Soaking");
      expect(fleet.violations).toEqual([]);
      expect(await operator.metrics()).toContain("orlop_fleet_leading 1\n");
    },
    2 * longMs,
  );

  test(
    refines
      ? "of a Node, it changes nothing but what is its own, by the chart's ValidatingAdmissionPolicy"
      : "a minor without ValidatingAdmissionPolicies has none, and RBAC alone holds the operator",
    async () => {
      const kubeconfig = await accountKubeconfig(cluster, directory, { namespace, name: account });
      const patch = async (content: object) => {
        const words = ["patch", "node", "node-0000", "--type=merge", `--patch=${JSON.stringify(content)}`];
        await cluster.kubectl([...words, "--dry-run=server", `--kubeconfig=${kubeconfig}`]);
      };
      const own = {
        metadata: {
          labels: { [labels.step]: "Draining", [labels.excludeFromLoadBalancers]: "true" },
          annotations: { [annotations.claim]: "3" },
        },
        spec: { unschedulable: true },
      };
      await patch(own);
      const foreign: [content: object, refusal: string][] = [
        [{ metadata: { labels: { role: "control-plane" } } }, "changes only the labels fleet.orlop.dev/*"],
        [{ metadata: { labels: { "kubernetes.io/hostname": null } } }, "changes only the labels fleet.orlop.dev/*"],
        [{ metadata: { annotations: { [annotations.report]: "{}" } } }, "and not the report of the host"],
        [{ metadata: { annotations: { someone: "else" } } }, "changes only the annotations fleet.orlop.dev/*"],
        [{ spec: { taints: [{ key: "evil", effect: "NoExecute" }] } }, "adds no taint"],
      ];
      for (const [content, refusal] of foreign) {
        if (refines) await expect(patch(content)).rejects.toThrow(refusal);
        else await patch(content);
      }
      // Everybody else writes as before.
      await cluster.kubectl(["label", "node", "node-0000", "role=web", "--dry-run=server"]);
      const { stdout } = await cluster.kubectl(["api-resources", "--output=name"]);
      expect(stdout.includes("validatingadmissionpolicies")).toBe(refines);
    },
    longMs,
  );

  test(
    "policies that are deleted go while the operator is there; uninstalled, the chart leaves its definitions alone",
    async () => {
      const kubeconfig = await accountKubeconfig(cluster, directory, { namespace, name: account });
      await using _operator = await startOperator(kubeconfig, "pod", { namespace });
      await cluster.kubectl(["delete", "fleetpolicies", "--all", "--timeout=120s"]);
      await helm(["uninstall", "fleet", `--namespace=${namespace}`]);
      expect((await cluster.kubectl(["get", "crd", "--output=name"])).stdout).toContain(
        "fleetpolicies.fleet.orlop.dev",
      );
      const left = await cluster.kubectl(["get", "clusterroles,deployments", "--all-namespaces", "--output=name"]);
      expect(left.stdout).not.toContain(account);
    },
    longMs,
  );
}
