/** `./orlop fleet …`: a fleet as it stands, from a laptop. */
import { usageFailure } from "../../lib/command/command.ts";
import { Failure } from "../../lib/failure.ts";
import type { NodePicture, PolicyPicture } from "../../cluster/picture/fleet-picture.ts";
import type { FleetSource } from "../../cluster/console/fleet-source.ts";
import { verb } from "../context.ts";
import { consoleOptions, serveFleet } from "./serve-fleet.ts";
import type { HostLine } from "./hosts.ts";

export const fleetGroups = { fleet: "The hosts of a cluster, and how they come to new versions" } as const;

const whereOptions = {
  kubeconfig: {
    type: "text",
    value: "FILE",
    help: "Which cluster; $KUBECONFIG or ~/.kube/config unless given",
    complete: "files",
  },
  hosts: {
    type: "text",
    value: "FILE",
    help: "Hosts outside of clusters: names of contexts of apiclient, one on a line",
    complete: "files",
  },
} as const;

type Where = { kubeconfig?: string | undefined; hosts?: string | undefined };

async function clusterClient({ kubeconfig }: Where) {
  const [{ KubernetesClient }, { kubeconfigConnection }, { homedir }, { join }] = await Promise.all([
    import("../../kubernetes/client.ts"),
    import("../../kubernetes/kubeconfig.ts"),
    import("node:os"),
    import("node:path"),
  ]);
  const path = kubeconfig ?? process.env["KUBECONFIG"] ?? join(homedir(), ".kube/config");
  return new KubernetesClient(await kubeconfigConnection(path));
}

type FleetStatus = { policies: PolicyPicture[]; nodes: (NodePicture & Pick<HostLine, "details">)[] };

async function statusOf(where: Where, signal: AbortSignal): Promise<FleetStatus> {
  if (where.hosts !== undefined) {
    const { hostLines } = await import("./hosts.ts");
    return { policies: [], nodes: await hostLines(where.hosts, signal) };
  }
  const [{ readFleet }, { fleetPicture }] = await Promise.all([
    import("../../cluster/operator/fleet-view.ts"),
    import("../../cluster/picture/fleet-picture.ts"),
  ]);
  const { snapshots, invalid } = await readFleet(await clusterClient(where), signal);
  return fleetPicture(snapshots, invalid, new Date());
}

function oneOfBoth({ kubeconfig, hosts }: Where): void {
  if (kubeconfig !== undefined && hosts !== undefined)
    throw usageFailure("--kubeconfig and --hosts exclude each other");
}

const status = verb({
  name: "fleet status",
  summary: "Say how a fleet stands: each policy, and what each node waits for",
  examples: [
    { run: "./orlop fleet status", description: "the cluster of your kubeconfig" },
    { run: "./orlop fleet status --hosts hosts.txt", description: "hosts that are in no cluster" },
  ],
  options: whereOptions,
  async run({ invocation: { signal } }, where) {
    oneOfBoth(where);
    return await statusOf(where, signal);
  },
  print({ policies, nodes }) {
    if (policies.length === 0 && nodes.length === 0) return "there is no FleetPolicy: nothing is updated";
    const head = policies.flatMap(({ policy, pace, conditions }) => [
      `policy ${policy}: ${pace.state}: ${pace.sentence}`,
      ...("command" in pace ? [`  to let it go on: ${pace.command}`] : []),
      ...conditions.map(({ type, status: value, message }) => `  ${type} ${value}: ${message}`),
    ]);
    return [...head, ...nodes.map(({ name, version, sentence }) => `${name}  ${version ?? "?"}  ${sentence}`)].join(
      "\n",
    );
  },
});

const explain = verb({
  name: "fleet explain",
  summary: "Say what one node waits for, and why",
  examples: [{ run: "./orlop fleet explain node-1", description: "its wave, window, budget, drain, or failure" }],
  options: whereOptions,
  arguments: { node: { value: "NODE", help: "As `kubectl get nodes` calls it, or a context of apiclient" } },
  async run({ invocation: { signal } }, { node: name, ...where }) {
    oneOfBoth(where);
    const { policies, nodes } = await statusOf(where, signal);
    const node = nodes.find((each) => each.name === name);
    if (node === undefined) {
      throw new Failure("no-such-node", `cannot explain ${name}: no policy selects it`, {
        hint: "`./orlop fleet status` lists those that are selected",
      });
    }
    return { node, conditions: policies.find(({ policy }) => policy === node.policy)?.conditions ?? [] };
  },
  print: ({ node, conditions }) =>
    [
      `${node.name} ${node.sentence}`,
      `  it runs ${node.version ?? "nobody knows what"}${node.target === undefined ? "" : `, and is to run ${node.target}`}`,
      ...(node.details ?? []).map((detail) => `  ${detail}`),
      ...conditions.map(({ type, status: value, message }) => `  ${type} ${value}: ${message}`),
    ].join("\n"),
});

const history = verb({
  name: "fleet history",
  summary: "Say what the operator did, as far as the cluster's events go back, or what hosts remember",
  examples: [
    { run: "./orlop fleet history", description: "the newest last" },
    { run: "./orlop fleet history --hosts hosts.txt", description: "of hosts that are in no cluster" },
  ],
  options: whereOptions,
  async run({ invocation: { signal } }, where) {
    oneOfBoth(where);
    if (where.hosts !== undefined) {
      const { hostsHistory } = await import("./host-history.ts");
      return await hostsHistory(where.hosts, signal);
    }
    const { fleetHistory } = await import("../../cluster/operator/fleet-view.ts");
    return { events: await fleetHistory(await clusterClient(where), signal), silent: [] };
  },
  print({ events, silent }) {
    const lines = [
      ...events.map(({ at, name, reason, message }) => `${at}  ${name}  ${reason}: ${message}`),
      ...silent.map(({ name, reason }) => `${name} does not answer: ${reason}`),
    ];
    return lines.length === 0 ? "nothing is known to have happened" : lines.join("\n");
  },
});

const consoleVerb = verb({
  name: "fleet console",
  summary: "Show a fleet as a page in a browser of this computer",
  description: `Prints an address that works once, and serves it on loopback until it is interrupted. The page has what \`fleet status\`,
\`fleet explain\` and \`fleet history\` say, as it changes. It only looks, unless --write lets it stop the fleet, with the rights
of your kubeconfig.`,
  examples: [
    { run: "./orlop fleet console", description: "the cluster of your kubeconfig" },
    { run: "./orlop fleet console --hosts hosts.txt", description: "hosts that are in no cluster" },
  ],
  options: { ...whereOptions, ...consoleOptions },
  async run({ invocation }, { write, port, ...where }) {
    oneOfBoth(where);
    const source = await sourceOf(where);
    await serveFleet(source, { program: "orlop fleet console", mayWrite: write, port }, invocation);
  },
  print: () => "",
});

async function sourceOf(where: Where): Promise<FleetSource> {
  if (where.hosts !== undefined) return (await import("./hosts-source.ts")).hostsSource(where.hosts);
  const { clusterSource } = await import("../../cluster/console/sources/cluster-source.ts");
  return clusterSource(await clusterClient(where));
}

export const fleetCommands = [status, explain, history, consoleVerb] as const;
