/** Protects: an update counts as good only while everything holds, and otherwise the next set learns why. */
import { expect, test } from "bun:test";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../../lib/failure.ts";
import { writePartitionSets } from "../../../test/worlds/update/partition-sets.ts";
import { runningHost, type RunningHost } from "../../../test/worlds/host/running-host.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import { modelFor } from "../../../settings/model/model.ts";
import { variantNamed } from "../../../variants/all.ts";
import type { Interfaces } from "../../machine/system.ts";
import { proveHealthy, type HealthGate, type Verdict } from "./health-gate.ts";
import type { StatusRequest, Health } from "./health.ts";
import { descriptionSchema } from "../../containers/description.ts";
import { requireSets } from "../boot/sets.ts";
import { keepTerms, readTerms } from "./terms.ts";
import { readFindings } from "./trial-findings.ts";
import { explained, returnedFrom } from "./went-back.ts";

const signal = new AbortController().signal;
const hourMs = 3_600_000;
const noChecks: Health = { units: [], "http-probes": [], containers: {}, "timeout-seconds": 60 };

type World = AsyncDisposable & {
  /** The machine whose update is judged, and a daemon that answers as its API. */
  host: TestSystem;
  api: RunningHost;
  unitStates: Map<string, string>;
  links: Interfaces;
  /** With what settings ask for, at once or each time that they are asked. */
  prove(health?: Partial<Health> | (() => Partial<Health>), status?: StatusRequest): Promise<Verdict>;
  entries(): Promise<string[]>;
};

const link = (address: string, internal = false): NonNullable<Interfaces[string]>[number] => ({
  address,
  internal,
  netmask: "255.255.255.0",
  family: "IPv4",
  mac: "52:54:00:12:34:56",
  cidr: `${address}/24`,
});

async function makeWorld(): Promise<World> {
  const links: Interfaces = { lo: [link("127.0.0.1", true)], eth0: [link("10.0.2.15")] };
  const host = await testSystem({ interfaces: () => links });
  await mkdir(join(host.system.root, "local"));
  const api = await runningHost();
  await writePartitionSets(host, "b", "1.1.0");
  const entries = join(host.system.root, "efi/loader/entries");
  await rename(join(entries, "orlop-b.conf"), join(entries, "orlop-b+0-1.conf"));
  const unitStates = new Map<string, string>();
  host.programs.set("systemctl", (argv) => `${unitStates.get(argv.at(-1) ?? "") ?? "active"}\n`);
  host.programs.set("journalctl", () => "cannot read its configuration\nexiting\n");
  return {
    host,
    api,
    unitStates,
    links,
    entries: async () => (await readdir(entries)).toSorted(),
    async prove(health = {}, status = async (until) => await api.api.call("getStatus", { signal: until })) {
      const wanted = (): Health => ({ ...noChecks, ...(typeof health === "function" ? health() : health) });
      const gate: HealthGate = {
        running: "1.1.0",
        units: ["hostd.service", "containerd.service"],
        terms: await readTerms(host.system, modelFor(variantNamed("dev")), "1.1.0"),
        status,
        fallback: async () => noChecks,
        health: async () => wanted(),
      };
      return await proveHealthy(host.system, gate, signal);
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

/** What the old set reads about it. */
async function reasonLeft(host: TestSystem): Promise<string | undefined> {
  const { signpost } = await requireSets(host.system);
  const standings = { ...(await signpost.read()), active: "a" } as const;
  const failed = returnedFrom(standings, [], host.system.clock.now());
  return failed === undefined ? undefined : (await explained(host.system, standings, failed, undefined)).reason;
}

test("a host where everything holds, and keeps holding, is marked successful", async () => {
  await using world = await makeWorld();
  expect(await world.prove()).toMatchObject({ kind: "healthy" });
  expect(await world.entries()).toEqual(["orlop-b.conf"]);
});

test("a host that is not on trial is left alone", async () => {
  await using world = await makeWorld();
  await world.prove();
  world.unitStates.set("containerd.service", "failed");
  expect(await world.prove()).toEqual({ kind: "not-on-trial" });
});

test("a unit that is not active costs the trial, and its last words are kept", async () => {
  await using world = await makeWorld();
  world.unitStates.set("containerd.service", "failed");
  expect(await world.prove()).toMatchObject({ kind: "unhealthy" });
  expect(await world.entries()).toEqual(["orlop-b+0-1.conf"]);
  const lacking = "containerd.service is failed; it said: cannot read its configuration | exiting";
  const { system } = world.host;
  const findings = await readFindings(system);
  expect(findings?.missing).toEqual([lacking]);
  // Its time has just run out.
  expect(Math.abs(system.clock.elapsedMs() - (findings?.deadlineMs ?? 0))).toBeLessThan(10_000);
  const reason = await reasonLeft(world.host);
  expect(reason).toBe(`not healthy after 60 s: ${lacking}`);
});

test("a unit that settings name, and a probe that answers wrongly or not at all, count as well", async () => {
  await using world = await makeWorld();
  using server = Bun.serve({
    port: 0,
    fetch: (request) => new Response("", { status: request.url.endsWith("/good") ? 204 : 503 }),
  });
  const at = (path: string): string => new URL(path, server.url).href;
  world.unitStates.set("nginx.service", "inactive");
  const health = { units: ["nginx.service"], "http-probes": [at("/good"), at("/bad"), "http://127.0.0.1:1/"] };
  const verdict = await world.prove(health);
  const reason = verdict.kind === "unhealthy" ? verdict.reason : "";
  expect(reason).toContain("nginx.service is inactive");
  expect(reason).toContain(`${at("/bad")} answers with status 503`);
  expect(reason).toContain("http://127.0.0.1:1/ does not answer");
  expect(reason).not.toContain("/good");
});

test("why a probe fails is told without what lets its owner in", async () => {
  await using world = await makeWorld();
  using server = Bun.serve({ port: 0, fetch: () => new Response("", { status: 503 }) });
  const [answers, silent] = [new URL("/bad?token=letmein123", server.url), new URL("http://127.0.0.1:1/#letmein123")];
  for (const url of [answers, silent]) [url.username, url.password] = ["me", "hunter2"];
  const verdict = await world.prove({ "http-probes": [answers.href, silent.href] });
  const reason = verdict.kind === "unhealthy" ? verdict.reason : "";
  expect(reason).toContain("/bad?(secret) answers with status 503");
  expect(reason).toContain("http://(secret)@127.0.0.1:1/#(secret) does not answer");
  expect(reason).not.toMatch(/hunter2|letmein123/);
});

test("a host that has no address but its own is not healthy", async () => {
  await using world = await makeWorld();
  delete world.links["eth0"];
  expect(await world.prove()).toMatchObject({
    kind: "unhealthy",
    reason: expect.stringContaining("there is no network: no link has an address"),
  });
});

test("an API that does not answer costs the trial", async () => {
  await using world = await makeWorld();
  const silent: StatusRequest = () => Promise.reject(new Failure("cannot-connect", "nobody listens on the socket"));
  expect(await world.prove({}, silent)).toMatchObject({
    kind: "unhealthy",
    reason: expect.stringContaining("the API does not answer: nobody listens"),
  });
});

test("settings that are asked for and never told cost the trial, by what was told last", async () => {
  await using machine = await makeWorld();
  machine.unitStates.set("hostd.service", "activating");
  let requests = 0;
  const gate: HealthGate = {
    running: "1.1.0",
    units: ["hostd.service"],
    terms: undefined,
    status: async () => Promise.reject(new Error("no answer")),
    fallback: async () => noChecks,
    answerMs: 5,
    async health(until) {
      if (++requests === 1) return { ...noChecks, "timeout-seconds": 20 };
      await new Promise((_resolve, reject) => until.addEventListener("abort", () => reject(until.reason)));
      return noChecks;
    },
  };
  const verdict = await proveHealthy(machine.host.system, gate, signal);
  expect(verdict).toMatchObject({ kind: "unhealthy", reason: expect.stringContaining("not healthy after 20 s") });
  expect(requests).toBeGreaterThan(2);
});

test("a unit that comes up late, within the time, is good enough", async () => {
  await using world = await makeWorld();
  let requests = 0;
  world.host.programs.set("systemctl", () => (requests++ < 12 ? "activating\n" : "active\n"));
  expect(await world.prove()).toMatchObject({ kind: "healthy" });
});

/** Sets the clock when the first check is under way. */
function clockStepsAtFirstCheck({ host }: World, ms: number): void {
  const states = host.programs.get("systemctl");
  let requests = 0;
  host.programs.set("systemctl", (argv, limits) => {
    if (requests++ === 0) host.stepClock(ms);
    if (requests > 1000) throw new Error("the gate goes on for ever");
    return states?.(argv, limits) ?? "";
  });
}

test("a clock that chrony sets half a day forward takes no time from a unit that is still coming up", async () => {
  await using world = await makeWorld();
  world.unitStates.set("containerd.service", "activating");
  clockStepsAtFirstCheck(world, 12 * hourMs);
  const states = world.host.programs.get("systemctl");
  let requests = 0;
  world.host.programs.set("systemctl", (argv, limits) => {
    if (++requests === 8) world.unitStates.clear();
    return states?.(argv, limits) ?? "";
  });
  expect(await world.prove()).toMatchObject({ kind: "healthy" });
});

test("a clock that is set a day back gives an ill host no more time, and a well one no more to prove", async () => {
  await using ill = await makeWorld();
  ill.unitStates.set("containerd.service", "failed");
  clockStepsAtFirstCheck(ill, -24 * hourMs);
  const startedMs = ill.host.system.clock.elapsedMs();
  expect(await ill.prove()).toMatchObject({ kind: "unhealthy" });
  expect(ill.host.system.clock.elapsedMs() - startedMs).toBeWithin(60_000, 70_000);

  await using well = await makeWorld();
  clockStepsAtFirstCheck(well, -24 * hourMs);
  const verdict = await well.prove();
  expect(verdict.kind === "healthy" && verdict.seconds < 20).toBe(true);
});

test("a unit that crashes every few seconds is never good, though it is active in between", async () => {
  await using world = await makeWorld();
  let requests = 0;
  world.host.programs.set("systemctl", () => (requests++ % 4 < 2 ? "active\n" : "activating\n"));
  expect(await world.prove()).toMatchObject({ kind: "unhealthy" });
});

test("a container that settings name is run when all else holds, and what it says before it fails is kept", async () => {
  await using world = await makeWorld();
  const containers = { db: { source: "registry.example.com/check:v1", command: ["/bin/check", "--all"] } };
  world.unitStates.set("containerd.service", "failed");
  await world.prove({ containers });
  const starts = (): string[] => world.host.ran.filter((line) => line.startsWith("systemctl start"));
  expect(starts()).toEqual([]);

  world.unitStates.clear();
  const states = world.host.programs.get("systemctl");
  world.host.programs.set("systemctl", (argv, limits) => {
    if (argv[1] !== "start") return states?.(argv, limits) ?? "";
    throw new Failure("exit-status", "the job failed");
  });
  expect(await world.prove({ containers })).toEqual({
    kind: "unhealthy",
    reason:
      "not healthy after 60 s: the check db in a container of registry.example.com/check:v1 fails; it said: " +
      "cannot read its configuration | exiting",
  });
  expect(new Set(starts())).toEqual(new Set(["systemctl start health-container@db.service"]));
  expect(descriptionSchema.parse(JSON.parse(await world.host.read("/run/orlop/containers/health/db.json")))).toEqual({
    type: "health",
    name: "db",
    superpowered: false,
    api: "none",
    ...containers.db,
  });
});

test("a container that ends well is no reason to go back", async () => {
  await using world = await makeWorld();
  const verdict = await world.prove({ containers: { db: { source: "registry.example.com/check:v1" } } });
  expect(verdict).toMatchObject({ kind: "healthy" });
  expect(world.host.ran).toContain("systemctl start health-container@db.service");
});

test("a check that cannot be made once costs no trial: the gate looks again", async () => {
  await using world = await makeWorld();
  const systemctl = world.host.programs.get("systemctl");
  let requests = 0;
  world.host.programs.set("systemctl", (argv, limits) => {
    if (requests++ < 3) throw new Failure("timed-out", "cannot run systemctl: not done after 30 s");
    return systemctl?.(argv, limits) ?? "";
  });
  expect(await world.prove()).toMatchObject({ kind: "healthy" });
});

test("checks that can never be made cost the trial after its time, and the reason says why they could not", async () => {
  await using world = await makeWorld();
  world.host.programs.set("systemctl", () => {
    throw new Failure("timed-out", "cannot run systemctl: not done after 30 s");
  });
  await rm(join(world.host.system.root, "local"), { recursive: true });
  const verdict = await world.prove();
  const reason = verdict.kind === "unhealthy" ? verdict.reason : "";
  expect(reason).toContain(
    "not healthy after 60 s: cannot tell whether hostd.service runs: cannot run systemctl: not done after 30 s",
  );
  expect(reason).toContain("cannot tell how full the data partition is");
  expect(await reasonLeft(world.host)).toContain("not healthy after 60 s");
});

test("a check in a container whose description cannot be written is an ailment, with its reason", async () => {
  await using world = await makeWorld();
  await world.host.write("/run/orlop/containers/health", "a file where a directory is to be");
  const verdict = await world.prove({ containers: { db: { source: "registry.example.com/check:v1" } } });
  expect(verdict).toMatchObject({
    kind: "unhealthy",
    reason: expect.stringContaining("cannot tell what the check db"),
  });
});

test("boot entries that cannot be read or written for a while cost no trial", async () => {
  await using world = await makeWorld();
  const entries = join(world.host.system.root, "efi/loader/entries");
  const gone = `${entries}.away`;
  await rename(entries, gone);
  let requests = 0;
  const systemctl = world.host.programs.get("systemctl");
  world.host.programs.set("systemctl", async (argv, limits) => {
    if (++requests === 20) await rename(gone, entries);
    return (await systemctl?.(argv, limits)) ?? "";
  });
  expect(await world.prove()).toMatchObject({ kind: "healthy" });
  expect(await world.entries()).toEqual(["orlop-b.conf"]);
});

test("a reason that cannot be kept changes nothing about the verdict", async () => {
  await using world = await makeWorld();
  world.unitStates.set("containerd.service", "failed");
  await world.host.write("/var/lib/orlop", "a file where a directory is to be");
  expect(await world.prove()).toMatchObject({ kind: "unhealthy" });
});

/** What a host tells in whose settings something fails for good. */
function failing(...undone: string[]): StatusRequest {
  const failure = { code: "sysctl-refused", message: "cannot set it", undone };
  const sysctl = { name: "sysctl", state: "failing", failures: 3, failure } as const;
  return () => Promise.resolve({ boot: [], reconcilers: [sysctl] });
}

test("what failed before the update too is not held against it, what came with it is", async () => {
  await using world = await makeWorld();
  const ailments = [
    { message: "the reconciler sysctl fails", known: ["reconciler sysctl: set kernel.a to 1"] },
    { message: "chrony.service is failed", known: ["unit containerd.service"] },
  ];
  await keepTerms(world.host.system, "1.1.0", { health: noChecks, ailments });
  world.unitStates.set("containerd.service", "failed");
  expect(await world.prove({}, failing("set kernel.a to 1", "set kernel.b to 1"))).toMatchObject({
    kind: "unhealthy",
    reason: "not healthy after 60 s: the reconciler sysctl fails: cannot set it",
  });
  world.unitStates.set("hostd.service", "failed");
  expect(await world.prove({}, failing("set kernel.a to 1"))).toMatchObject({
    kind: "unhealthy",
    reason: expect.stringMatching(/^not healthy after 60 s: hostd.service is failed[^;]*; it said: [^;]*$/),
  });
  world.unitStates.delete("hostd.service");
  expect(await world.prove({}, failing("set kernel.a to 1"))).toMatchObject({
    kind: "healthy",
    excused: [expect.stringContaining("containerd.service is failed"), "the reconciler sysctl fails: cannot set it"],
  });
});

test("what failed before counts for the version it was noted for, and nothing excuses what settings name", async () => {
  await using world = await makeWorld();
  const before = [{ message: "containerd.service is failed", known: ["unit containerd.service"] }];
  world.unitStates.set("containerd.service", "failed");
  await keepTerms(world.host.system, "1.0.9", { health: noChecks, ailments: before });
  expect(await world.prove()).toMatchObject({ kind: "unhealthy" });
  await keepTerms(world.host.system, "1.1.0", {
    health: { ...noChecks, units: ["containerd.service"] },
    ailments: before,
  });
  expect(await world.prove()).toMatchObject({ kind: "unhealthy" });
});

test("a version is judged by the checks in force when it was made to boot, whatever settings become meanwhile", async () => {
  await using world = await makeWorld();
  await keepTerms(world.host.system, "1.1.0", { health: noChecks, ailments: [] });
  expect(await world.prove({ units: ["late.service"], "http-probes": ["http://127.0.0.1:1/"] })).toMatchObject({
    kind: "healthy",
  });
});

test("without terms, the first answer of the settings holds for the whole trial", async () => {
  await using world = await makeWorld();
  let requests = 0;
  world.unitStates.set("late.service", "failed");
  world.host.programs.set("systemctl", (argv) => {
    if (argv.at(-1) === "containerd.service") return requests > 4 ? "active\n" : "activating\n";
    return `${world.unitStates.get(argv.at(-1) ?? "") ?? "active"}\n`;
  });
  const verdict = await world.prove(() => (++requests > 2 ? { units: ["late.service"] } : {}));
  expect(verdict).toMatchObject({ kind: "healthy" });
  expect(requests).toBeGreaterThan(4);
});

test("terms that this version does not understand leave the checks to the settings", async () => {
  await using world = await makeWorld();
  const kept = { version: "1.1.0", health: { "no-such-check": 1 }, before: ["unit containerd.service"] };
  await world.host.write("/var/lib/orlop/update-terms.json", JSON.stringify(kept));
  world.unitStates.set("containerd.service", "failed").set("named.service", "failed");
  expect(await world.prove({ units: ["named.service"] })).toMatchObject({
    kind: "unhealthy",
    reason: expect.stringMatching(/^not healthy after 60 s: named.service is failed[^;]*; it said: [^;]*$/),
  });
  await world.host.write("/var/lib/orlop/update-terms.json", "not JSON");
  expect(await world.prove()).toMatchObject({ kind: "unhealthy" });
});
