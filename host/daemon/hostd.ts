/**
 * The daemon's story: settings, API, boot, and then keeping the machine as the settings say.
 *
 * The API answers before the boot begins and whatever becomes of it: it is how people find out and roll back.
 */
import type { SocketRoles } from "../apiserver/callers/caller.ts";
import { socketRole } from "../apiserver/callers/socket-role.ts";
import { SocketServer, type SocketPlace } from "../apiserver/server/socket-server.ts";
import { untilPrepared } from "../bootstrap/now.ts";
import { dropProgramPages, sdNotify } from "../machine/linux.ts";
import type { System } from "../machine/system.ts";
import { boot, keepGenerating } from "./boot.ts";
import { consoleReport, showOnConsole } from "./console.ts";
import { keepFleet } from "./fleet.ts";
import { openHost, type OpenHost } from "./open-host.ts";
import { untilUsable } from "./stores.ts";

/** The unit's WatchdogSec is three times this. */
const watchdogMs = 20_000;

/** After a boot, until what it took is not needed any more: its last work, and the first questions of others, are through. */
export const restAfterMs = 20_000;

const programsRemembered = 1_000;

/** Runs until the signal aborts, then closes in order. Rejects when the daemon cannot do its work. */
export async function hostd(machine: System, socket: SocketPlace, signal: AbortSignal): Promise<void> {
  await using host = await openHost(machine, signal);
  const { system } = host;
  await announceReturn(host);
  await using server = await listen(host, socket);
  system.log.info(`api: listening on ${server.path}`);
  using _watchdog = watchdog();

  if (host.unusable !== undefined) {
    sdNotify("READY=1");
    // Nobody knows how this machine should be: it stays as it is, and the daemon begins anew when the settings are there.
    await untilUsable(system, host.recorded, signal);
    return;
  }
  await openRemoteEarly(host);
  await doTogether(host, signal, [keepMeasured, keepTrial, keepUsage, bootThenKeep]);
  sdNotify("STOPPING=1");
}

/** Something to do until the signal aborts, or until it is done. */
type Work = (host: OpenHost, until: AbortSignal) => Promise<unknown>;

async function keepTrial({ trial, changes }: OpenHost, until: AbortSignal): Promise<void> {
  await trial.keep(async (work) => await changes.exclusively(work), until);
}

async function keepMeasured({ attestation }: OpenHost, until: AbortSignal): Promise<never> {
  return await attestation.keep(until);
}

async function keepUsage({ usageLog }: OpenHost, until: AbortSignal): Promise<never> {
  return await usageLog.keep(until);
}

async function bootThenKeep(host: OpenHost, until: AbortSignal): Promise<void> {
  await boot(host, host.bootStatus, until);
  await reportBoot(host);
  await host.goodBoot.noteIfGood();
  sdNotify("READY=1");
  const works = [keepApplied, keepGenerated, noteOncePrepared, keepUpdateTerms, keepSecretsKnown, keepFleet];
  using _start = startGivenBack(host);
  await doTogether(host, until, works);
}

async function keepApplied({ engine }: OpenHost, until: AbortSignal): Promise<void> {
  await engine.keep(until);
}

async function keepGenerated(host: OpenHost, until: AbortSignal): Promise<void> {
  await keepGenerating(host, host.bootStatus, async () => await host.goodBoot.noteIfGood(), until);
}

async function noteOncePrepared({ system, goodBoot }: OpenHost, until: AbortSignal): Promise<void> {
  if (await untilPrepared(system, until)) await goodBoot.noteIfGood();
}

/** What was printed before this daemon began is in the journal too. */
async function keepSecretsKnown({ secrets, audit }: OpenHost, until: AbortSignal): Promise<never> {
  for (const entry of (await audit.newest(programsRemembered)).toReversed()) {
    if ("exec" in entry) secrets.learnCommand(entry.exec.command);
  }
  return await secrets.keepLearning(until);
}

/** From the end of the boot on, and once settings are applied: what fails then is what fails before the update. */
async function keepUpdateTerms({ updater, datastore, engine }: OpenHost, until: AbortSignal): Promise<never> {
  for (let known = datastore.version; ; known = await datastore.changedSince(known, until)) {
    await engine.settled(known, until);
    await updater.renewTerms();
  }
}

/** Work that fails is a bug: it ends the rest and the daemon, so that it is started again. */
async function doTogether(host: OpenHost, signal: AbortSignal, works: readonly Work[]): Promise<void> {
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  const running = works.map(async (work) => await work(host, until));
  try {
    await Promise.all(running);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    failed.abort(new Error("another part of the daemon failed"));
    await Promise.allSettled(running);
  }
}

async function announceReturn({ system, updater: { returnedFrom } }: OpenHost): Promise<void> {
  if (returnedFrom === undefined) return;
  await showOnConsole(system, () => `update: went back from ${returnedFrom.version}: ${returnedFrom.reason}`);
}

/** Who of the containers may do what is a question of hosts: on a directory that stands for one, nobody asks. */
async function listen({ system, currentSettings, exchange }: OpenHost, socket: SocketPlace): Promise<SocketServer> {
  const roles: SocketRoles = (origin) => socketRole(currentSettings.settings(), origin);
  const place = system.root === "/" ? { ...socket, roles } : socket;
  return await SocketServer.open(place, exchange(), system.log);
}

/** A host that booted before is reachable from afar before this boot is through. What fails here is tried in the boot. */
async function openRemoteEarly({ system, remote, currentSettings }: OpenHost): Promise<void> {
  try {
    await remote.become(currentSettings.settings().api.remote);
  } catch (error) {
    system.log.error("api: cannot open the remote API", error);
  }
}

async function reportBoot({ system, facts, currentSettings, remote, bootStatus }: OpenHost): Promise<void> {
  await showOnConsole(system, () =>
    consoleReport({
      facts,
      hostname: currentSettings.settings().network.hostname,
      interfaces: system.interfaces(),
      fingerprint: remote.status().fingerprint,
      boot: bootStatus,
    }),
  );
}

function watchdog(): Disposable {
  const timer = setInterval(() => sdNotify("WATCHDOG=1"), watchdogMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Of the executable, a boot needs twice what the daemon needs afterwards. */
function startGivenBack({ system }: OpenHost): Disposable {
  const timer = setTimeout(() => {
    try {
      dropProgramPages();
    } catch (error) {
      system.log.error("hostd: keeps the memory of its start", error);
    }
  }, restAfterMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
