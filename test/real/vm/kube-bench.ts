/**
 * kube-bench in a pod of a node, as its authors run it: with the node's processes before its eyes and its directories mounted,
 * and without privileges. Source: its `job.yaml`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { machineArchitecture, openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";
import { kubeBench } from "../../../image/recipes/kube-bench.ts";
import { makeProgram } from "../../../image/recipes/programs.ts";
import { recipeModule } from "../../../image/recipes/recipe-module.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { type BusyboxImage, busyboxImage } from "../../worlds/containers/oci-image.ts";
import type { TestCluster } from "./cluster.ts";

/** The newest one that it has for worker nodes. */
const benchmark = "cis-1.11";
const mounted = ["/etc/kubernetes", "/usr/lib/systemd", "/var/lib/kubelet"] as const;

export type BenchResult = { id: string; status: "PASS" | "FAIL" | "WARN" | "INFO"; reason: string };

/** Its image; what it asks the system is what busybox has, but for `ps`. */
export async function kubeBenchImage(): Promise<AsyncDisposable & { layout: string }> {
  const { path } = await makeProgram("kube-bench/kube-bench", { architecture: machineArchitecture() });
  const module = await recipeModule(kubeBench);
  const cfg = async (name: string) => [`/cfg/${name}`, await readFile(join(module, "cfg", name), "utf8")] as const;
  const files = ["config.yaml", `${benchmark}/config.yaml`, `${benchmark}/node.yaml`].map(cfg);
  return await busyboxImage({
    // What it warns about goes to the same log.
    entrypoint: ["/bin/sh", "-c", 'exec kube-bench --config-dir=/cfg "$@" 2>/dev/null', "kube-bench"],
    files: { "/etc/group": "root:x:0:\n", ...Object.fromEntries(await Promise.all(files)) },
    programs: { "/bin/kube-bench": path, ...(await ps()) },
  });
}

/** With the libraries that it is linked with. */
async function ps(): Promise<NonNullable<BusyboxImage["programs"]>> {
  const tools = await openToolsRoot({ sets: ["container-control"] });
  const { stdout } = await runTool(tools, ["/usr/bin/ps"], { env: { LD_TRACE_LOADED_OBJECTS: "1" } });
  const libraries = [...stdout.matchAll(/(\/lib\S+) \(0x/g)].map(([, path = ""]) => path);
  return Object.fromEntries(
    [["/bin/ps", "/usr/bin/ps"], ...libraries.map((path) => [path, path])].map(([place = "", path = ""]) => [
      place,
      join(tools.directory, path),
    ]),
  );
}

const report = z.object({
  Controls: z.array(
    z.object({
      tests: z.array(
        z.object({
          results: z.array(
            z.object({
              test_number: z.string(),
              status: z.enum(["PASS", "FAIL", "WARN", "INFO"]),
              reason: z.string().optional(),
              actual_value: z.string().optional(),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** What it found on the only node of a cluster. */
export async function benchNode(cluster: TestCluster, image: string): Promise<BenchResult[]> {
  const name = "kube-bench";
  await cluster.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      hostPID: true,
      // It is told which benchmark to use, and asks the cluster nothing.
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      tolerations: [{ operator: "Exists" }],
      containers: [
        {
          name: "main",
          image,
          args: ["run", "--targets=node", `--benchmark=${benchmark}`, "--json"],
          volumeMounts: mounted.map((path, at) => ({
            name: `host-${at}`,
            mountPath: path.replace(/^\/usr\/lib\//, "/lib/"),
            readOnly: true,
          })),
        },
      ],
      volumes: mounted.map((path, at) => ({ name: `host-${at}`, hostPath: { path } })),
    },
  });
  await cluster.until("kube-bench has ended", async () =>
    /Succeeded|Failed/.test(await cluster.kubectl("get", "pod", name, "--output=jsonpath={.status.phase}")),
  );
  const { Controls } = report.parse(parseJson(await cluster.kubectl("logs", name)));
  return Controls.flatMap(({ tests }) =>
    tests.flatMap(({ results }) =>
      results.map(({ test_number: id, status, reason = "", actual_value: actual = "" }) => ({
        id,
        status,
        reason: `${reason}${reason !== "" && actual !== "" ? ": " : ""}${actual}`,
      })),
    ),
  );
}
