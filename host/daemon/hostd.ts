/**
 * The daemon's story: settings, API, boot, and then keeping the machine as the settings say.
 *
 * The API answers before the boot begins and whatever becomes of it: it is how people find out and roll back.
 */
import { hostSocket } from "../../api/client/transport.ts";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../../package.json";
import { explain, systemErrorCode } from "../../lib/failure.ts";
import { isPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { Turns } from "../../lib/place.ts";
import { modelFor } from "../../settings/model/model.ts";
import { Changes } from "../apiserver/changes.ts";
import { Document } from "../apiserver/document.ts";
import { Exec } from "../apiserver/exec/exec.ts";
import { Exchange } from "../apiserver/server/exchange.ts";
import { handlersFor } from "../apiserver/handlers/all.ts";
import { Remote, remoteReconciler } from "../apiserver/server/remote.ts";
import { apiGroup, SocketServer, type SocketPlace } from "../apiserver/server/socket-server.ts";
import { boot, haltedBoot, keepGenerating, newBootStatus } from "./boot.ts";
import { bootstrapNow, untilPrepared } from "../bootstrap/now.ts";
import { consoleReport } from "./console.ts";
import type { Datastore } from "../datastore/datastore.ts";
import { readFacts } from "../machine/facts.ts";
import { configuration } from "../files/all.ts";
import { generatorsOf } from "../generators/generate.ts";
import { hostContainerStates } from "../containers/container-states.ts";
import { keptPlaces, lookOver } from "../kept/things.ts";
import { whatIsSetAside } from "../kept/set-aside.ts";
import { givenSocket, sdNotify } from "../machine/linux.ts";
import { NodeStatus } from "../node/node-status.ts";
import { nodeCheck } from "../node/node-ready.ts";
import { reconcilers } from "../reconcile/all.ts";
import { Engine } from "../reconcile/engine.ts";
import { statusOf } from "./status.ts";
import { openAudit, openSettings, untilUsable } from "./stores.ts";
import { hostPath, linuxSystem, type System } from "../machine/system.ts";
import { Trial } from "./trial.ts";
import { ownAilments, unitsOf } from "../update/judge/health.ts";
import { Updater } from "../update/updater.ts";

const consolePath = "/dev/console";
/** Present when this boot was noted as a good one; it ends with the boot. */
const goodBootMark = "/run/orlop/good-boot";
/** The unit's WatchdogSec is three times this. */
const watchdogMs = 20_000;

/** Runs until the signal aborts, then closes in order. Rejects when the daemon cannot do its work. */
export async function hostd(system: System, socket: SocketPlace, signal: AbortSignal): Promise<void> {
  const facts = await readFacts(system);
  const model = modelFor(facts.variant);
  const recorded = { image: facts.versionId, clock: system.clock };
  await lookOver(system);
  const { log: opened, unusable } = await openSettings(system, recorded);
  await using datastore = opened;
  const { log: audit, unusable: auditUnusable } = await openAudit(system, recorded);
  await using _audit = audit;

  const trial = await Trial.open(system, datastore);
  const changes = new Changes(model, datastore, trial);
  const document = new Document(model, datastore, unusable);
  // The handlers below serve it, and the engine they use opens it.
  await using exec = new Exec(system, audit, signal);
  const exchange = (): Exchange => new Exchange(handlers, exec, system.log, signal);
  await using remote = new Remote(system, exchange, async (line) => showOnConsole(system, () => line));
  const all = [remoteReconciler(remote), ...reconcilers];
  const engine = new Engine({ system, facts }, all, {
    current: () => ({ version: datastore.version, settings: document.settings() }),
    changedSince: async (known, raced) => datastore.changedSince(known, raced),
  });
  const bootStatus = unusable === undefined ? newBootStatus() : haltedBoot(unusable);
  const host = { system, facts, model, datastore, engine };

  const running = { version: facts.versionId, variant: facts.variant.name, arch: facts.arch };
  await using updater = await Updater.open({
    system,
    running,
    settings: () => document.settings(),
    values: () => datastore.values,
    async ailments(until) {
      const status = async () => ({ boot: bootStatus.steps, reconcilers: engine.status() });
      const node = nodeCheck(system, document.settings(), facts);
      const ownUnits = unitsOf(facts.variant.orchestrator);
      return await ownAilments(system, status, { ownUnits, ...(node === undefined ? {} : { node }) }, until);
    },
  });
  const { returnedFrom } = updater;
  if (returnedFrom !== undefined) {
    const line = `update: went back from ${returnedFrom.version}: ${returnedFrom.reason}`;
    await showOnConsole(system, () => line);
  }

  const node = new NodeStatus(system, facts);
  const sources = { system, facts, datastore, engine, boot: bootStatus, trial, updater, auditUnusable };
  const handlers = handlersFor({
    ...host,
    audit,
    trial,
    updater,
    changes,
    document,
    reconcilers: all,
    configFiles: configuration,
    generators: new Map(generatorsOf(facts).map(({ key, says }) => [key, says])),
    status: async () => {
      const settings = document.settings();
      const [hostContainers, nodeNow, setAside] = await Promise.all([
        hostContainerStates(system, settings),
        node.now(settings, datastore.version, signal),
        whatIsSetAside(system, keptPlaces),
      ]);
      return statusOf({ ...sources, remote, hostContainers, node: nodeNow, setAside });
    },
    stopping: signal,
  });
  await using server = await SocketServer.open(
    { ...socket, ...(system.root === "/" ? { mayWorkloads: () => document.settings().api.socket.workloads } : {}) },
    exchange(),
    system.log,
  );
  system.log.info(`api: listening on ${server.path}`);
  using _watchdog = watchdog();

  if (unusable !== undefined) {
    sdNotify("READY=1");
    // Nobody knows how this machine should be: it stays as it is, and the daemon begins anew when the settings are there.
    await untilUsable(system, recorded, signal);
    return;
  }
  await openEarly(system, remote, document);
  const goodBoot = new Turns();
  const noteIfGood = async (): Promise<void> =>
    await goodBoot.next(async () => {
      if (bootStatus.steps.some(({ state }) => state === "failed")) return;
      const { entries, halted, unknown } = await bootstrapNow(system);
      if (unknown !== undefined && entries.length === 0) return;
      if (halted !== undefined || entries.some(({ essential, state }) => essential && state !== "done")) return;
      await noteGoodBoot(system, datastore, engine, trial);
    });

  await untilAborted(signal, [
    async (until) => trial.keep(async (work) => changes.exclusively(work), until),
    async (until) => {
      await boot(host, bootStatus, until);
      await showOnConsole(system, () =>
        consoleReport({
          facts,
          hostname: document.settings().network.hostname,
          interfaces: system.interfaces(),
          fingerprint: remote.status().fingerprint,
          boot: bootStatus,
        }),
      );
      await noteIfGood();
      sdNotify("READY=1");
      await untilAborted(until, [
        async (raced) => engine.keep(raced),
        async (raced) => keepGenerating(host, bootStatus, noteIfGood, raced),
        async (raced) => {
          if (await untilPrepared(system, raced)) await noteIfGood();
        },
        async (raced) => keepTerms(updater, datastore, engine, raced),
      ]);
    },
  ]);
  sdNotify("STOPPING=1");
}

/** From the end of the boot on, and once settings are applied: what fails then is what fails before the update. */
async function keepTerms(updater: Updater, datastore: Datastore, engine: Engine, signal: AbortSignal): Promise<never> {
  for (let known = datastore.version; ; known = await datastore.changedSince(known, signal)) {
    await engine.settled(known, signal);
    await updater.renewTerms();
  }
}

/** One that fails is a bug: it ends the others and the daemon, so that it is started again. */
async function untilAborted(
  signal: AbortSignal,
  works: readonly ((until: AbortSignal) => Promise<unknown>)[],
): Promise<void> {
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  const running = works.map(async (work) => work(until));
  try {
    await Promise.all(running);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    failed.abort(new Error("another part of the daemon failed"));
    await Promise.allSettled(running);
  }
}

/** A host that booted before is reachable from afar before this boot is through. What fails here is tried in the boot. */
async function openEarly(system: System, remote: Remote, document: Document): Promise<void> {
  try {
    await remote.become(document.settings().api.remote);
  } catch (error) {
    system.log.error("api: cannot open the remote API", error);
  }
}

/** With the settings that were applied, and not with any that came since. On trial none are good before somebody says so. */
async function noteGoodBoot(system: System, datastore: Datastore, engine: Engine, trial: Trial): Promise<void> {
  const mark = hostPath(system, goodBootMark);
  const isApplied = (): boolean =>
    engine.status().every(({ state, version }) => state === "converged" && version === datastore.version);
  try {
    if (await isPresent(mark)) return;
    if (!isApplied()) await engine.passAll();
    if (!isApplied() || trial.current() !== undefined) return;
    await datastore.markGoodBoot();
    await writeFileAtomic(mark, "");
  } catch (error) {
    // The boot went well all the same; only `restore --last-good-boot` will not lead here.
    system.log.error("datastore: cannot note that the boot was good", error);
  }
}

function watchdog(): Disposable {
  const timer = setInterval(() => sdNotify("WATCHDOG=1"), watchdogMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** A machine without a console is no reason to fail, and neither is one whose links the kernel does not tell. */
async function showOnConsole(system: System, text: () => string): Promise<void> {
  try {
    await writeFile(hostPath(system, consolePath), `${text()}\n`, { flag: "r+" });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
  }
}

const usage = `hostd: the daemon of an Orlop host: API, settings, boot, reconcilers

  hostd                              on a host, as a service
  hostd --root DIR [--socket PATH]   on a developer's machine; DIR stands for the host
`;

export async function main(words: readonly string[]): Promise<void> {
  const options = optionsIn(words);
  if (options === undefined || options.help) {
    process[options === undefined ? "stderr" : "stdout"].write(usage);
    process.exit(options === undefined ? 2 : 0);
  }
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort(new Error(`got ${name}`)));
  try {
    await hostd(await systemAt(options.root), socketAt(options), stop.signal);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`<3>hostd: ${explain(error).replaceAll("\n", "\n<3>")}\n`);
    process.exit(1);
  }
}

function optionsIn(words: readonly string[]): { root: string; socket: string | undefined; help: boolean } | undefined {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: { root: { type: "string" }, socket: { type: "string" }, help: { type: "boolean", short: "h" } },
    });
    return { root: resolve(values.root ?? "/"), socket: values.socket, help: values.help ?? false };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`hostd: ${error.message}\n`);
    return undefined;
  }
}

async function systemAt(root: string): Promise<System> {
  if (root === "/") return linuxSystem();
  const { developmentSystem } = await import("./development.ts");
  return developmentSystem(root, version);
}

function socketAt({ root, socket }: { root: string; socket: string | undefined }): SocketPlace {
  const given = socket === undefined ? givenSocket() : undefined;
  return {
    path: socket ?? hostPath({ root }, hostSocket),
    gid: root === "/" ? apiGroup : undefined,
    ...(given === undefined ? {} : { given }),
  };
}
