/**
 * A Kubernetes control plane on this computer's loopback, as kubeadm would set it up: Debian's etcd, and the API server,
 * controller manager and scheduler of a recipe. Guests reach it at 10.0.2.2.
 *
 * ```ts
 * await using cluster = await startControlPlane({ directory, kubeletPort, signal });
 * await cluster.kubectl(["get", "nodes"]);
 * ```
 */
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { machineArchitecture, openToolsRoot, toolCommand, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { makeProgram } from "../../image/recipes/programs.ts";
import { abortable } from "../../lib/abortable.ts";
import { deadline, machineClock } from "../../lib/clock.ts";
import { defined } from "../../lib/defined.ts";
import { Failure } from "../../lib/failure.ts";
import { firstOf } from "../../lib/first-of.ts";
import { bytesOf } from "../../lib/files/http-body.ts";
import { type Output, run } from "../../lib/program/process.ts";
import { start } from "../../lib/program/program.ts";
import { freePort } from "../../lib/free-port.ts";
import { hostOfGuests } from "../qemu/qemu.ts";
import { bootstrapObjects } from "./bootstrap-objects.ts";
import {
  apiServer,
  controllerManager,
  egressThrough,
  etcd,
  programNames,
  scheduler,
  type Programs,
} from "./commands.ts";
import { type KubeletPort, startEgress } from "./egress.ts";
import { type ClusterMinor, clusterMinors } from "./minors.ts";
import { clusterDomain, makePki, type Pki } from "./pki.ts";

const pollMs = 100;
/** On a computer that runs guests too. Alone it takes some seconds. */
const startTimeoutMs = 180_000;
const readyzLimits = { mostBytes: 64 * 1024, stallMs: 5_000 };
const endingMs = 5_000;

export type ControlPlaneOptions = {
  /** Where it keeps everything; emptied first. Its path is at most 90 bytes long, for the socket in it. */
  directory: string;
  kubeletPort: KubeletPort;
  minor?: ClusterMinor;
  /** How long certificates of nodes are good, as Go writes durations: "1h". A year unless given. */
  certificatesLast?: string;
  /** What of the controller manager does not run: "nodelifecycle" where nodes have no heartbeat. */
  withoutControllers?: readonly string[];
  signal: AbortSignal;
};

export type ControlPlane = AsyncDisposable & {
  readonly minor: ClusterMinor;
  readonly port: number;
  readonly pki: Pki;
  /** For `kubectl --kubeconfig`: may do everything. */
  readonly kubeconfig: string;
  readonly programs: Programs;
  /** Runs kubectl, as a person who may do everything. */
  kubectl(words: readonly string[], options?: { stdin?: string; signal?: AbortSignal }): Promise<Output>;
  /** Asks the API server, as who may do everything. */
  get(path: string, signal?: AbortSignal): Promise<Response>;
  /** Takes the API server away, or brings it back. */
  stopApiServer(): Promise<void>;
  startApiServer(signal: AbortSignal): Promise<void>;
  /** From now on, as `certificatesLast`; it takes the controller manager away for a moment. */
  letCertificatesLast(duration: string): Promise<void>;
  /** Rejects when a part of it ends by itself. */
  readonly ended: Promise<never>;
};

/** Compiles what is not in the cache, which takes minutes. */
export async function controlPlanePrograms(minor: ClusterMinor, signal: AbortSignal): Promise<Programs> {
  const made: [name: string, path: string][] = [];
  for (const name of programNames) {
    const { path } = await makeProgram(`kubernetes-${minor}/${name}`, {
      architecture: machineArchitecture(),
      fetch: { signal },
    });
    made.push([name, path]);
  }
  // One entry for each name, in their order.
  return Object.fromEntries(made) as Programs;
}

/**
 * Starts one; nodes can join when this returns. It ends with us.
 *
 * @throws {Failure<"control-plane-failed">} with the last lines of the part that did not start
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { kubeletPort, minor = clusterMinors[0], certificatesLast = "8760h", signal } = options;
  const { withoutControllers = [] } = options;
  const directory = resolve(options.directory);
  const programs = await controlPlanePrograms(minor, signal);
  const tools = await openToolsRoot({ sets: ["etcd"], signal });
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const [port, etcdPort, etcdPeerPort] = [await freePort(), await freePort(), await freePort()];
  const server = `https://127.0.0.1:${port}`;
  const pki = await makePki(join(directory, "pki"), server);
  const egress = { socket: join(directory, "egress.sock"), config: join(directory, "egress.json") };
  await writeFile(egress.config, JSON.stringify(egressThrough(egress.socket)));

  await using parts = new AsyncDisposableStack();
  parts.use(await startEgress(egress.socket, kubeletPort));
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined); // whoever waits for it hears of it
  const unlessEnded = async (work: (raced: AbortSignal) => Promise<void>, until: AbortSignal): Promise<void> =>
    await firstOf(until, [work, async (raced) => await abortable(ended.promise, raced)]);
  const startNamed = async (name: string, argv: [string, ...string[]]): Promise<Part> =>
    await startPart(name, argv, { tools, directory, programs, onEnd: (failure) => ended.reject(failure) });

  parts.use(await startNamed("etcd", etcd(pki, directory, etcdPort, etcdPeerPort)));
  const apiServerCommand = apiServer(programs, pki, { port, etcdPort, egress: egress.config });
  let running = await startNamed("kube-apiserver", apiServerCommand);
  parts.defer(async () => running[Symbol.asyncDispose]());
  const get: ControlPlane["get"] = async (path, until) =>
    await fetch(`${server}${path}`, {
      tls: { ca: pki.ca, cert: pki.admin.certificate, key: pki.admin.key },
      ...defined({ signal: until }),
    });
  const untilReady = async (until: AbortSignal): Promise<void> =>
    await unlessEnded(async (raced) => untilReadyz(get, raced), until);
  await untilReady(signal);
  const startManager = async (last: string): Promise<Part> =>
    await startNamed(
      "kube-controller-manager",
      controllerManager(programs, pki, { certificatesLast: last, withoutControllers }, minor),
    );
  let manager = await startManager(certificatesLast);
  parts.defer(async () => manager[Symbol.asyncDispose]());
  parts.use(await startNamed("kube-scheduler", scheduler(programs, pki, minor)));

  const kubectl: ControlPlane["kubectl"] = async (words, { stdin, signal: until } = {}) =>
    await run([programs.kubectl, ...kubectlOptions(directory), ...words], defined({ stdin, signal: until }));
  await kubectl(["apply", "--filename=-"], { stdin: JSON.stringify(bootstrapObjects(pki.token)), signal });
  await unlessEnded(async (raced) => untilAccountIsThere(kubectl, raced), signal);

  const owned = parts.move();
  return {
    minor,
    port,
    pki,
    kubeconfig: pki.files.admin,
    programs,
    kubectl,
    get,
    stopApiServer: async () => running[Symbol.asyncDispose](),
    async startApiServer(until) {
      running = await startNamed("kube-apiserver", apiServerCommand);
      await untilReady(until);
    },
    async letCertificatesLast(duration) {
      await manager[Symbol.asyncDispose]();
      manager = await startManager(duration);
    },
    ended: ended.promise,
    [Symbol.asyncDispose]: async () => owned.disposeAsync(),
  };
}

/** kubectl's configuration for the cluster in `directory`. */
export function kubectlOptions(directory: string): string[] {
  return [`--kubeconfig=${join(directory, "pki/admin.conf")}`, `--cache-dir=${join(directory, "kubectl")}`];
}

/** Disk of a machine that is to be a node: kubelet keeps a gibibyte and a tenth of the data partition for itself. */
export const nodeDiskBytes = 8 * 1024 ** 3;

/** The `settings.kubernetes` of a node that joins. `name` is the machine's, by which `kubeletPort` finds it. */
export function joiningSettings({ port, ca, token }: { port: number } & Pick<Pki, "ca" | "token">, name: string) {
  return {
    "api-server": `https://${hostOfGuests}:${port}`,
    "cluster-certificate": Buffer.from(ca).toString("base64"),
    "cluster-domain": clusterDomain,
    "bootstrap-token": token,
    "hostname-override": name,
    "pod-network": "bridge",
  } as const;
}

type Part = AsyncDisposable;

type PartOptions = {
  tools: ToolsRoot;
  directory: string;
  programs: Programs;
  onEnd: (failure: Failure) => void;
};

/** Runs a part in the root of etcd, so that it dies with us whatever becomes of us. */
async function startPart(
  name: string,
  argv: [string, ...string[]],
  { tools, directory, programs, onEnd }: PartOptions,
): Promise<Part> {
  const log = join(directory, `${name}.log`);
  await using output = await open(log, "a");
  const child = start(
    toolCommand(tools, argv, { binds: [directory], readOnlyBinds: Object.values(programs), cwd: directory }),
    { stdout: output.fd, stderr: output.fd },
  );
  let isWanted = false;
  void child.exited.then(async (code) => {
    if (isWanted) return;
    const lastLines = ((await readTextIfPresent(log)) ?? "").trim().split("\n").slice(-5).join("\n");
    onEnd(
      new Failure("control-plane-failed", `cannot run ${name}: it ended with ${code}: ${lastLines}`, {
        hint: `all that it said is in ${log}`,
      }),
    );
  });
  return {
    async [Symbol.asyncDispose]() {
      isWanted = true;
      await child.end(endingMs);
    },
  };
}

async function untilReadyz(get: ControlPlane["get"], signal: AbortSignal): Promise<void> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(startTimeoutMs)]);
  for (let last: unknown; ; await machineClock.sleep(pollMs, signal)) {
    try {
      const response = await get("/readyz", inTime);
      if (response.ok) return;
      last = new Error(`it answers ${response.status}: ${String(await bytesOf(response, "/readyz", readyzLimits))}`);
    } catch (error) {
      signal.throwIfAborted();
      if (!inTime.aborted) last = error;
    }
    if (!inTime.aborted) continue;
    const seconds = startTimeoutMs / 1000;
    throw new Failure("control-plane-failed", `cannot reach the API server in ${seconds} s`, { cause: last });
  }
}

/** Pods need the account that the controller manager makes, which shows that it works. */
async function untilAccountIsThere(kubectl: ControlPlane["kubectl"], signal: AbortSignal): Promise<void> {
  const patience = deadline(machineClock, startTimeoutMs);
  for (;;) {
    const { stdout } = await kubectl(["get", "serviceaccount", "--ignore-not-found", "--output=name", "default"], {
      signal,
    });
    if (stdout.trim() !== "") return;
    if (patience.passed) {
      throw new Failure("control-plane-failed", "cannot use the cluster: no account is made for pods");
    }
    await machineClock.sleep(pollMs, signal);
  }
}
