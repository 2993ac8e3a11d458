/**
 * Real kubelets with what the host renders for them, each on a small machine of its own: a root with nothing but kubelet
 * and its files, a network and processes of its own, and a containerd that all of them share.
 *
 * Kubelet says that it has started when it has checked its configuration, made its managers of processors, memory and
 * devices, and read whatever it was told; it is ended then, before it does anything. It needs root.
 */
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { configuration } from "../../../host/files/all.ts";
import { flagsOf } from "../../../host/files/kubernetes/kubelet-environment.ts";
import { nodeOf } from "../../../host/files/kubernetes/node.ts";
import { machineArchitecture } from "../../../image/packages/tools-root.ts";
import { makeProgram } from "../../../image/recipes/programs.ts";
import { isPresent } from "../../../lib/files/files.ts";
import { run } from "../../../lib/program/process.ts";
import { credentialProviders } from "../../../settings/model/selection.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { basePrograms } from "../../../variants/variant.ts";
import { containerd17Programs, wantsContainerd17, type kubernetesMinors } from "../../../variants/kubernetes.ts";
import { eventually } from "../../eventually.ts";
import { openRuntime } from "../../worlds/containers/runtime.ts";
import { factsOf } from "../../worlds/host/settings.ts";

/** Where it is not in the cache, kubelet is compiled first. */
export const compileMs = 30 * 60_000;

/** Longer than any start on a busy machine. */
const startMs = 120_000;

export type KubeletMinor = (typeof kubernetesMinors)[number];

export type Start = {
  /** Undefined when it started; else its last words. */
  ended: string | undefined;
  /** What it logged until `until` came, or it ended. */
  log: string;
};

export type KubeletWorld = AsyncDisposable & {
  /** Starts a kubelet with the settings of its variant on metal. @param until what it logs when it is to be ended */
  start(settings: Settings, until?: RegExp): Promise<Start>;
};

const hasStarted = /[\]"] ?Started kubelet/;

export async function openKubeletWorld(minor: KubeletMinor): Promise<KubeletWorld> {
  const { path: kubelet } = await makeProgram(`kubernetes-${minor}/kubelet`, { architecture: machineArchitecture() });
  const folder = await mkdtemp(join(tmpdir(), "kubelets-"));
  const filter = join(folder, "seccomp");
  await Bun.write(filter, withoutOpenat2());
  await using resources = new AsyncDisposableStack();
  resources.defer(async () => rm(folder, { recursive: true, force: true }));
  const cgroups = resources.use(await unifiedCgroups(folder));
  const runtime = resources.use(await startContainerd(folder, minor));
  const docker = join(folder, "docker.sock");
  resources.use(emptyDocker(docker));
  const open = resources.move();
  let starts = 0;
  return {
    async start(settings, until = hasStarted) {
      const root = join(folder, `root-${++starts}`);
      const flags = await furnish(root, settings, minor);
      const machine = [...cgroups.binds, "--bind", runtime.socketDirectory, "/run/containerd"];
      const sockets = ["--ro-bind", docker, "/var/run/docker.sock"];
      const sandbox = [
        "bwrap",
        ...isolated,
        "--seccomp",
        "3",
        "--bind",
        root,
        "/",
        "--ro-bind",
        kubelet,
        "/usr/bin/kubelet",
      ];
      try {
        return await runUntil(
          [...sandbox, ...devices, ...machine, ...sockets, "/usr/bin/kubelet", ...flags],
          filter,
          until,
        );
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    },
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  };
}

const namespaces = ["net", "pid", "ipc", "uts"].map((name) => `--unshare-${name}`);
const isolated = ["--die-with-parent", ...namespaces, "--hostname", "node", "--cap-add", "ALL"];

const kernel = ["--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys"];
const devices = [...kernel, "--dev-bind", "/dev/kmsg", "/dev/kmsg"];

/**
 * Where this machine has both versions of cgroups, kubelet sees the second as on a host, and all controllers in the list
 * of them, which the first has in truth. It takes a list only from a file system of cgroups, so a hierarchy of the first
 * version, with a name and no controllers, holds it in the one file of it that takes any text.
 */
async function unifiedCgroups(folder: string): Promise<AsyncDisposable & { binds: string[] }> {
  const unified = "/sys/fs/cgroup/unified";
  if (!(await isPresent(unified))) return { binds: [], [Symbol.asyncDispose]: async () => Promise.resolve() };
  const hierarchy = join(folder, "cgroup");
  await mkdir(hierarchy);
  await run(["mount", "-t", "cgroup", "-o", `none,name=kubelets-${process.pid}`, "none", hierarchy]);
  const list = join(hierarchy, "release_agent");
  await writeFile(list, "cpuset cpu io memory hugetlb pids");
  return {
    binds: ["--ro-bind", unified, "/sys/fs/cgroup", "--ro-bind", list, "/sys/fs/cgroup/cgroup.controllers"],
    async [Symbol.asyncDispose]() {
      await run(["umount", hierarchy]);
    },
  };
}

/** Writes what the host would, and the places that are mounted over. @returns kubelet's command line */
async function furnish(root: string, settings: Settings, minor: KubeletMinor): Promise<string[]> {
  const facts = factsOf(`metal-k8s-${minor}`);
  const node = nodeOf(settings, facts);
  if (node === undefined) throw new Error("expected settings of a node");
  for (const place of [
    "proc",
    "sys",
    "dev",
    "tmp",
    "run/containerd",
    "usr/bin",
    "var/run",
    "var/lib",
    "etc/kubernetes/static-pods",
  ]) {
    await mkdir(join(root, place), { recursive: true });
  }
  for (const program of Object.keys(facts.variant.programs)) {
    // Kubelet only looks whether they are there.
    if (program.startsWith(credentialProviders)) await Bun.write(join(root, program), "", { mode: 0o755 });
  }
  await Bun.write(join(root, "etc/passwd"), "root:x:0:0::/:/nonexistent\n");
  for (const file of configuration.flatMap((group) => group.render(settings, facts))) {
    if (!file.path.startsWith("/etc/kubernetes/") || "linkTo" in file) continue;
    await mkdir(dirname(join(root, file.path)), { recursive: true });
    await Bun.write(join(root, file.path), file.content);
  }
  return flagsOf(node);
}

async function runUntil(argv: readonly string[], filter: string, until: RegExp): Promise<Start> {
  const seccomp = openSync(filter, "r");
  const child = Bun.spawn([...argv], {
    stdio: ["ignore", "ignore", "pipe", seccomp],
    timeout: startMs,
    killSignal: "SIGKILL",
  });
  closeSync(seccomp);
  let log = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    log += chunk;
    if (until.test(log)) {
      child.kill("SIGKILL");
      await child.exited;
      return { ended: undefined, log };
    }
  }
  await child.exited;
  return { ended: lastWords(log), log };
}

/** The fatal line, or the error with which the command fails. */
function lastWords(log: string): string {
  const lines = log.split("\n").filter((line) => /^F\d{4} |"command failed"|^Error: /.test(line));
  return lines.at(-1) ?? (log.trim().split("\n").at(-1) || "nothing");
}

/**
 * Kubelet asks openat2(2) for files of cgroups on no other mount than theirs, which the list of controllers above is;
 * without the call, it opens them as it does on older kernels. See seccomp(2) for the filter.
 */
function withoutOpenat2(): Buffer {
  const [load, jumpIfEqual, give] = [0x20, 0x15, 0x06];
  const openat2 = 437;
  const [noSuchCall, allowed] = [0x0005_0026, 0x7fff_0000];
  const program = [
    [load, 0, 0, 0],
    [jumpIfEqual, 0, 1, openat2],
    [give, 0, 0, noSuchCall],
    [give, 0, 0, allowed],
  ] as const;
  return Buffer.concat(
    program.map(([code, ifTrue, ifFalse, value]) => {
      const instruction = Buffer.alloc(8);
      instruction.writeUInt16LE(code);
      instruction.writeUInt8(ifTrue, 2);
      instruction.writeUInt8(ifFalse, 3);
      instruction.writeUInt32LE(value, 4);
      return instruction;
    }),
  );
}

/** A Docker that has nothing: kubelet 1.20 looks for one, and for five seconds where there is none. */
function emptyDocker(socket: string): AsyncDisposable {
  const server = Bun.serve({ unix: socket, fetch: () => Response.json({ DockerRootDir: "/var/lib/docker" }) });
  return { [Symbol.asyncDispose]: async () => server.stop(true) };
}

/** The containerd that hosts have, which runs no container here. */
async function startContainerd(
  folder: string,
  minor: KubeletMinor,
): Promise<AsyncDisposable & { socketDirectory: string }> {
  const isOld = wantsContainerd17({ orchestrator: { kind: "kubernetes", minor } });
  const tools = await openRuntime(isOld ? { ...basePrograms, ...containerd17Programs } : basePrograms);
  const program = isOld ? "/usr/lib/containerd-1.7/containerd" : "/usr/bin/containerd";
  const state = join(folder, "run");
  const data = join(folder, "data");
  const config = join(folder, "containerd.toml");
  for (const place of [state, data]) await mkdir(place, { recursive: true });
  await Bun.write(
    config,
    isOld
      ? `version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd]\nsnapshotter = "native"\n`
      : `version = 4\n[plugins."io.containerd.cri.v1.images"]\nsnapshotter = "native"\n`,
  );
  const machine = [...kernel, "--tmpfs", "/tmp"];
  const own = ["--bind", state, "/run", "--bind", data, "/var/lib/containerd", "--ro-bind", config, "/tmp/config.toml"];
  const sandbox = ["bwrap", ...isolated, "--bind", tools.directory, "/", ...machine, ...own];
  const log = join(folder, "containerd.log");
  const daemon = Bun.spawn([...sandbox, program, "--config", "/tmp/config.toml"], {
    stdio: ["ignore", "ignore", Bun.file(log)],
  });
  const socket = join(state, "containerd/containerd.sock");
  await eventually(async () => {
    if (daemon.exitCode !== null) throw new Error(`containerd ended: ${await Bun.file(log).text()}`);
    if (!(await isPresent(socket))) throw new Error("containerd does not listen yet");
  });
  return {
    socketDirectory: dirname(socket),
    async [Symbol.asyncDispose]() {
      daemon.kill("SIGTERM");
      await daemon.exited;
    },
  };
}
