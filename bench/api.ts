/**
 * The host's API on its unix socket: how fast it answers, what it needs, and what a commit costs.
 *
 * The daemon runs natively on a directory that stands for the host, so there is no emulation in the figures. The limit
 * is Bun's own HTTP server with the same bytes, and for a commit one write that is synced, on the same disk.
 */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Client } from "../api/client/client.ts";
import { compileHost } from "../programs/compile.ts";
import { restAfterMs } from "../host/daemon/hostd.ts";
import { executable } from "../host/names.ts";
import { machineArchitecture } from "../image/packages/tools-root.ts";
import { say } from "../lib/progress.ts";
import { run } from "./load.ts";
import { computer, percentile, type BenchReport } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

const target = "/settings";
const clients = 50;
const requests = 200_000;
/** Enough for the just-in-time compiler to be done. */
const warmUpRequests = 20_000;
const commits = 500;
/** What a request at that load, and the daemon under it, may take. */
const most = { p99Ms: 5, restBytes: 55 * 1024 * 1024, bytes: 80 * 1024 * 1024 };
/** A garbage collection or two, and what was given back and is still needed. */
const afterRestMs = 15_000;

export async function benchApi(signal: AbortSignal): Promise<BenchReport> {
  const directory = await mkdtemp(join(tmpdir(), "bench-api-"));
  try {
    say("compiling the host's programs");
    const program = join(directory, executable);
    await compileHost(machineArchitecture(), program);
    signal.throwIfAborted();
    return await measure(directory, program, signal);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function measure(directory: string, program: string, signal: AbortSignal): Promise<BenchReport> {
  const socket = join(directory, "api.sock");
  const root = join(directory, "root");
  const hostd = [program, "hostd", "--root", root, "--socket", socket] as const;
  let ours, startBytes, restBytes, warmBytes, endBytes, body, commitMs;
  {
    await using server = await ServerProcess.start(hostd, socket, target);
    startBytes = await server.residentBytes();
    await settled(connect({ socket }), signal);
    say("waiting for the daemon to rest");
    await sleep(restAfterMs + afterRestMs, undefined, { signal });
    restBytes = await server.residentBytes();
    body = await (await fetch(`http://localhost${target}`, { unix: socket })).bytes();
    await run({ socket, target, clients, requests: warmUpRequests });
    warmBytes = await server.residentBytes();
    say(`${requests} requests of ${clients} clients`);
    ours = await run({ socket, target, clients, requests });
    endBytes = await server.residentBytes();
    signal.throwIfAborted();
    say(`${commits} commits`);
    commitMs = await commitTimes(connect({ socket }), signal);
  }
  const file = join(directory, "body");
  await Bun.write(file, body);
  const bareSocket = join(directory, "bare.sock");
  const bareServer = [process.execPath, join(import.meta.dir, "bare-server.ts"), bareSocket, file] as const;
  let limit, limitStartBytes, limitEndBytes;
  {
    await using server = await ServerProcess.start(bareServer, bareSocket, target);
    limitStartBytes = await server.residentBytes();
    await run({ socket: bareSocket, target, clients, requests: warmUpRequests });
    say(`${requests} requests to the bare server`);
    limit = await run({ socket: bareSocket, target, clients, requests });
    limitEndBytes = await server.residentBytes();
  }
  const syncMs = await syncTimes(join(directory, "synced"), commits);
  return {
    benchmark: "api",
    ours: `hostd, GET ${target} of ${body.length} bytes over its unix socket, ${clients} keep-alive clients`,
    limit: "Bun.serve with the same bytes; for a commit, appending 4 KiB and syncing it",
    figures: [
      {
        name: "requests",
        unit: "per second",
        ours: ours.requestsPerSecond,
        limit: limit.requestsPerSecond,
      },
      { name: "request, p50", unit: "milliseconds", ours: ours.p50Ms, limit: limit.p50Ms },
      { name: "request, p99", unit: "milliseconds", ours: ours.p99Ms, limit: limit.p99Ms },
      {
        name: "request, p99, beside what it may take",
        unit: "milliseconds",
        ours: ours.p99Ms,
        limit: most.p99Ms,
        goal: { beside: "limit", atMost: 1 },
      },
      { name: "memory when started", unit: "bytes", ours: startBytes, limit: limitStartBytes },
      {
        name: "memory at rest, beside what it may take",
        unit: "bytes",
        ours: restBytes,
        limit: most.restBytes,
        goal: { beside: "limit", atMost: 1 },
      },
      { name: `memory after ${warmUpRequests} requests`, unit: "bytes", ours: warmBytes },
      { name: `memory after ${requests} more`, unit: "bytes", ours: endBytes, limit: limitEndBytes },
      {
        name: "memory after them, beside what it may take",
        unit: "bytes",
        ours: endBytes,
        limit: most.bytes,
        goal: { beside: "limit", atMost: 1 },
      },
      {
        name: "set, commit, apply motd, p50",
        unit: "milliseconds",
        ours: percentile(commitMs, 0.5),
        limit: percentile(syncMs, 0.5),
      },
      {
        name: "set, commit, apply motd, p99",
        unit: "milliseconds",
        ours: percentile(commitMs, 0.99),
        limit: percentile(syncMs, 0.99),
      },
    ],
    notes: [
      `at rest: ${(restAfterMs + afterRestMs) / 1000} s after the boot, and nobody asked since`,
      `server and load generator share the processors; ${requests} requests each after ${warmUpRequests} to warm up`,
      `${commits} commits, one after the other; each waits for the result of every reconciler`,
    ],
    computer: computer(),
  };
}

/** Settings that are generated, some of them only after the host looked for a network, change the answer. */
async function settled(host: Client, signal: AbortSignal): Promise<void> {
  while ((await host.call("getStatus", { signal })).state === "booting") await sleep(200, undefined, { signal });
}

/** From staging to the answer that tells what was applied. */
async function commitTimes(host: Client, signal: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  for (let count = 0; count < commits; count++) {
    const startedMs = performance.now();
    await host.call("patchSettings", { query: { tx: "bench" }, body: { motd: `greeting ${count}` }, signal });
    await host.commitAndWait({ tx: "bench" }, signal);
    times.push(performance.now() - startedMs);
  }
  return times;
}

async function syncTimes(path: string, count: number): Promise<number[]> {
  const block = Buffer.alloc(4096, "x");
  const times: number[] = [];
  await using file = await open(path, "w");
  for (let written = 0; written < count; written++) {
    const startedMs = performance.now();
    await file.write(block);
    await file.datasync();
    times.push(performance.now() - startedMs);
  }
  return times;
}
