/**
 * What containers of the host cost: how soon the first one runs, the memory of what runs them, and the way into one.
 *
 * Ours is the `dev` image with one host container; the peer is stock Debian 13, where containerd's own `ctr` pulls the
 * same image from the same registry and runs it. Both under the same QEMU, one after the other.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "../api/client/client.ts";
import { builtImage } from "../cli/image/built-image.ts";
import { buildDirectory } from "../cli/context.ts";
import { openToolsRoot, type ToolsRoot } from "../image/packages/tools-root.ts";
import { Failure } from "../lib/failure.ts";
import { say } from "../lib/progress.ts";
import { busyboxImage } from "../test/worlds/containers/oci-image.ts";
import { startTestRegistry } from "../test/worlds/containers/registry.ts";
import { makeCredentials } from "../vm/credentials.ts";
import { GuestShell } from "../vm/guest-shell.ts";
import { createMachine } from "../vm/machine.ts";
import type { RunningMachine } from "../vm/running-machine.ts";
import { withRemoteAccess } from "../vm/user-data.ts";
import { bootTimeoutMs, inTime, reachedAt, startDebian } from "./guests.ts";
import { computer, median, type BenchReport } from "./report.ts";
import { makeStockDebian, type StockDebian } from "./stock-debian.ts";

const size = { cpus: 2, memoryMiB: 2048 };
const execs = 10;
/** What may stand beside containerd and its shims for two containers. */
const besideLimitBytes = 40 * 1024 * 1024;
/** For what a boot left to do. */
const idleMs = 30_000;

type Measured = {
  /** From the moment that something could ask for it. */
  firstSeconds: number;
  memory: Memory;
  execMs: number;
};
/** Proportional set sizes in bytes: what is shared counts once. */
type Memory = { systemd: number; containerd: number; hostd: number; beside: number };
/** Of ours alone: its second way into a container, and what stands beside two containers, in bytes. */
type OursAlone = { remoteExecMs: number; besideTwo: number };

export async function benchContainers(signal: AbortSignal): Promise<BenchReport> {
  const tools = await openToolsRoot();
  const { image } = await builtImage({ variant: "dev", architecture: "x86_64" }, signal);
  const directory = join(buildDirectory, "bench");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  try {
    await using registry = await startTestRegistry({ tls: false, auth: false });
    await using probe = await busyboxImage({ entrypoint: ["/bin/sh", "-c", "exec sleep 10d"] });
    await registry.push(probe.layout, "test/probe:v1");
    say("ours");
    const ours = await measureOurs(image, join(directory, "ours"), registry.forGuests, signal);
    say("making a stock Debian");
    const debian = await makeStockDebian(tools, join(directory, "debian"), signal);
    const theirs = await measureDebian(tools, debian, join(directory, "theirs"), registry.forGuests, signal);
    return report(ours, theirs);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function report(ours: Measured & OursAlone, theirs: Measured): BenchReport {
  const sum = ({ systemd, containerd, hostd, beside }: Memory): number => systemd + containerd + hostd + beside;
  return {
    benchmark: "containers",
    ours: "the dev image with one host container",
    peer: "stock Debian 13, ctr image pull and ctr run after its boot",
    limit: "what may stand beside containerd and its shims; hostd, which is there without containers, is counted apart",
    figures: [
      {
        name: "configured to first container running",
        unit: "seconds",
        ours: ours.firstSeconds,
        peer: theirs.firstSeconds,
        goal: { beside: "peer", atMost: 1.3 },
      },
      {
        name: "memory of systemd and its daemons",
        unit: "bytes",
        ours: ours.memory.systemd,
        peer: theirs.memory.systemd,
      },
      {
        name: "memory of containerd and its shims",
        unit: "bytes",
        ours: ours.memory.containerd,
        peer: theirs.memory.containerd,
      },
      { name: "memory of hostd", unit: "bytes", ours: ours.memory.hostd },
      { name: "memory of all of these", unit: "bytes", ours: sum(ours.memory), peer: sum(theirs.memory) },
      {
        name: "memory beside containerd, of two containers",
        unit: "bytes",
        ours: ours.besideTwo,
        limit: besideLimitBytes,
        goal: { beside: "limit", atMost: 1 },
      },
      {
        name: "exec of true, on the host",
        unit: "milliseconds",
        ours: ours.execMs,
        peer: theirs.execMs,
        goal: { beside: "peer", atMost: 1.2 },
      },
      { name: "exec of true, through the remote API", unit: "milliseconds", ours: ours.remoteExecMs },
    ],
    notes: [
      "the same image of busybox from the same registry; ours starts its containerd for it, Debian's runs already",
      "ours has two daemons of containerd, the host's own and the orchestrator's",
      `memory is the proportional set size ${idleMs / 1000} s later; exec is the median of ${execs}`,
      `QEMU without KVM, ${size.cpus} processors, ${size.memoryMiB} MiB`,
    ],
    computer: computer(),
  };
}

async function measureOurs(
  image: string,
  directory: string,
  registry: string,
  signal: AbortSignal,
): Promise<Measured & OursAlone> {
  const credentials = await makeCredentials();
  const settings = {
    "container-registry": { mirrors: [{ registry, endpoint: [`http://${registry}`] }] },
    "host-containers": { probe: { enabled: true, source: `${registry}/test/probe:v1` } },
  };
  const userData = withRemoteAccess(JSON.stringify({ settings }), credentials);
  const machine = await createMachine(directory, { image, credentials, userData, shell: true, ...size });
  await using running = await machine.switchOn(signal);
  await using shell = await GuestShell.connect(running.files.shell, inTime(signal));
  await untilContainersRun(running, 1, signal);
  const started = await shell.run(
    "journalctl -b -u host-container@probe -o short-monotonic -g 'started as process' --no-hostname",
  );
  const firstSeconds = Number(/\[ *([\d.]+)\]/.exec(started)?.[1]) - (await reachedAt(shell, "configured.target"));
  const withOne = {
    firstSeconds,
    memory: await idleMemory(shell),
    execMs: await timed(shell, "apiclient exec probe -- /bin/true"),
    remoteExecMs: await timedFromHere(running, signal),
  };
  await shell.run(
    `apiclient set host-containers.second.enabled=true host-containers.second.source=${registry}/test/probe:v1`,
    bootTimeoutMs,
  );
  await untilContainersRun(running, 2, signal);
  return { ...withOne, besideTwo: (await idleMemory(shell)).beside };
}

async function untilContainersRun(running: RunningMachine, count: number, signal: AbortSignal): Promise<void> {
  await running.untilStatus(
    ({ hostContainers = [] }) => hostContainers.filter(({ state }) => state === "active (running)").length === count,
    bootTimeoutMs,
    inTime(signal),
  );
}

async function measureDebian(
  tools: ToolsRoot,
  debian: StockDebian,
  directory: string,
  registry: string,
  signal: AbortSignal,
): Promise<Measured> {
  await using guest = await startDebian(tools, debian, directory, size, signal);
  const { shell } = guest;
  await shell.try("systemctl is-system-running --wait", bootTimeoutMs);
  await shell.run("ip link set eth0 up && (ip address add 10.0.2.15/24 dev eth0 || true)");
  const name = `${registry}/test/probe:v1`;
  const [took = ""] = (
    await shell.run(clocked(`ctr image pull --plain-http ${name} >&2 && ctr run --detach --net-host ${name} probe`))
  )
    .split("\n")
    .slice(-1);
  return {
    firstSeconds: Number(took) / 1e6,
    memory: await idleMemory(shell),
    execMs: await timed(shell, "ctr tasks exec --exec-id bench-$RANDOM probe /bin/true"),
  };
}

/** Prints the microseconds that it took, last. */
const clocked = (command: string): string =>
  `set -e; from=$(date +%s%N); ${command}; to=$(date +%s%N); echo $(( (to - from) / 1000 ))`;

/** In milliseconds, by the guest's clock. */
async function timed(shell: GuestShell, command: string): Promise<number> {
  const printed = await shell.run(`for n in $(seq ${execs}); do ${clocked(command)}; done`, bootTimeoutMs);
  return median(printed.split("\n").map((microseconds) => Number(microseconds) / 1e3));
}

async function timedFromHere(running: RunningMachine, signal: AbortSignal): Promise<number> {
  const access = await running.access();
  if (access === undefined) throw new Failure("no-remote-api", "cannot measure exec: the host shows no remote API");
  const client = connect(access);
  const times: number[] = [];
  for (let round = 0; round < execs; round++) {
    const from = performance.now();
    await client.exec({
      target: "probe",
      command: ["/bin/true"],
      input: new Blob([]).stream(),
      output: async () => undefined,
      signal: inTime(signal),
    });
    times.push(performance.now() - from);
  }
  return median(times);
}

async function idleMemory(shell: GuestShell): Promise<Memory> {
  await Bun.sleep(idleMs);
  const printed = await shell.run(
    `for p in /proc/[0-9]*; do
      pss=$(grep -s '^Pss:' $p/smaps_rollup) && echo "$(cat $p/comm) $pss"
    done; true`,
  );
  const memory: Memory = { systemd: 0, containerd: 0, hostd: 0, beside: 0 };
  for (const [, name = "", kibibytes] of printed.matchAll(/^(.+) Pss: +(\d+) kB$/gm)) {
    const owner = ownerOf(name);
    if (owner !== undefined) memory[owner] += Number(kibibytes) * 1024;
  }
  return memory;
}

/** By the first 15 characters of a program's name. */
function ownerOf(name: string): keyof Memory | undefined {
  if (/^(systemd|\(sd-|dbus-)/.test(name)) return "systemd";
  if (name.startsWith("containerd")) return "containerd";
  // What a host container prints goes through a cat of its unit.
  if (name === "hostd") return "hostd";
  return ["host-ctr", "cat"].includes(name) ? "beside" : undefined;
}
