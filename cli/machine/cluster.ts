/** `./orlop cluster …`, `kubectl` and `helm`: a Kubernetes cluster on this computer, for nodes that `up --join` starts. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { machineClock } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import { atTheTerminal, start } from "../../lib/program/program.ts";
import { clusterMinors } from "../../vm/cluster/minors.ts";
import { buildDirectory, verb } from "../context.ts";

export const clusterGroups = { cluster: "A Kubernetes control plane on this computer" } as const;

const clusterUp = verb({
  name: "cluster up",
  summary: "Start a control plane, which runs until `cluster down`",
  description: `Debian's etcd, and Kubernetes' programs compiled from source: minutes when it is the first time.
It listens on this computer's loopback only. Machines join it with \`./orlop up --variant metal-k8s-1.20 --join\`.`,
  options: {
    kubernetes: {
      type: "text",
      value: "MINOR",
      help: "Its minor version, of which nodes must not be newer",
      choices: clusterMinors,
      default: clusterMinors[0],
    },
  },
  examples: [
    { run: "./orlop cluster up", description: "one without nodes" },
    { run: "./orlop cluster up --kubernetes 1.37", description: "one of the newest minor that images are built for" },
  ],
  async run({ invocation: { signal } }, { kubernetes: minor }) {
    const cluster = await import("../../vm/cluster/cluster.ts");
    const startedMs = machineClock.elapsedMs();
    const { port } = await cluster.clusterUp(minor, signal);
    return { minor, server: `https://127.0.0.1:${port}`, seconds: (machineClock.elapsedMs() - startedMs) / 1000 };
  },
  print: ({ minor, server, seconds }) =>
    [
      `the cluster is up after ${formatDuration(seconds)}; its API is at ${server}`,
      `  ./orlop up --variant metal-k8s-${minor} --join --detach    a node`,
      "  ./orlop kubectl get nodes                              its nodes",
      "  ./orlop cluster down                                   end it",
    ].join("\n"),
});

const clusterDown = verb({
  name: "cluster down",
  summary: "End the control plane and forget all that it held",
  examples: [{ run: "./orlop cluster down", description: "its nodes stay, without a cluster" }],
  async run({ invocation: { signal } }) {
    const cluster = await import("../../vm/cluster/cluster.ts");
    await cluster.clusterDown(signal);
    return {};
  },
  print: () => "the cluster has ended",
});

const clusterStatus = verb({
  name: "cluster status",
  summary: "Tell whether a control plane runs, and where",
  examples: [{ run: "./orlop cluster status", description: "since when, and at which address" }],
  async run() {
    const { findCluster } = await import("../../vm/cluster/cluster.ts");
    const cluster = await findCluster();
    if (cluster === undefined) return { state: "down" } as const;
    const { port, startedAt, kubeconfig } = cluster;
    return { state: "up", server: `https://127.0.0.1:${port}`, startedAt, kubeconfig } as const;
  },
  print(status) {
    if (status.state === "down") return "no cluster is running";
    const up = formatDuration((Date.now() - Date.parse(status.startedAt)) / 1000);
    return `the cluster is up for ${up}; its API is at ${status.server}`;
  },
});

const clusterKubeconfig = verb({
  name: "cluster kubeconfig",
  summary: "Print a kubeconfig that may do everything, for a kubectl of your own",
  examples: [{ run: "./orlop cluster kubeconfig > kubeconfig", description: "for `kubectl --kubeconfig kubeconfig`" }],
  async run() {
    const { runningCluster } = await import("../../vm/cluster/cluster.ts");
    return await readFile((await runningCluster()).kubeconfig, "utf8");
  },
});

export const clusterCommands = [clusterUp, clusterDown, clusterStatus, clusterKubeconfig] as const;

export const kubectl = verb({
  name: "kubectl",
  summary: "Run kubectl, of the cluster's own version, against the cluster of `cluster up`",
  examples: [
    { run: "./orlop kubectl get nodes", description: "who has joined" },
    { run: "./orlop kubectl logs --follow web", description: "everything behind `kubectl` is kubectl's own" },
  ],
  arguments: { words: { value: "WORD", help: "A command of kubectl", many: true, optional: true } },
  passThrough: {},
  async run({ invocation: { signal } }, { words }) {
    const { runningCluster } = await import("../../vm/cluster/cluster.ts");
    const { kubectl: program, kubeconfig } = await runningCluster();
    const env = { ...process.env, KUBECONFIG: kubeconfig };
    return await start([program, ...words], { ...atTheTerminal, env, signal }).exited;
  },
  print: () => "",
  exitCode: (code) => code,
});

export const helm = verb({
  name: "helm",
  summary: "Run Helm against the cluster of `cluster up`",
  description: "It is compiled from source: minutes when it is the first time.",
  examples: [
    {
      run: "./orlop helm install fleet cluster/chart/orlop-fleet --set image.repository=registry.example.com/orlop-fleet",
      description: "the fleet's operator",
    },
    { run: "./orlop helm list", description: "everything behind `helm` is Helm's own" },
  ],
  arguments: { words: { value: "WORD", help: "A command of Helm", many: true, optional: true } },
  passThrough: {},
  async run({ invocation: { signal } }, { words }) {
    const [{ runningCluster }, { makeProgram }, { machineArchitecture }] = await Promise.all([
      import("../../vm/cluster/cluster.ts"),
      import("../../image/recipes/programs.ts"),
      import("../../image/packages/tools-root.ts"),
    ]);
    const { kubeconfig } = await runningCluster();
    const { path } = await makeProgram("helm/helm", { architecture: machineArchitecture(), fetch: { signal } });
    const home = (name: string): string => join(buildDirectory, "helm", name);
    const env = {
      ...process.env,
      KUBECONFIG: kubeconfig,
      HELM_CACHE_HOME: home("cache"),
      HELM_CONFIG_HOME: home("config"),
      HELM_DATA_HOME: home("data"),
    };
    return await start([path, ...words], { ...atTheTerminal, env, signal }).exited;
  },
  print: () => "",
  exitCode: (code) => code,
});
