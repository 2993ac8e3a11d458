/**
 * One simulated life of what a host keeps beside its settings: trials, the marks of user data and of reboots, and its
 * identity, on a private partition that loses power.
 *
 * After every start, and for a power loss before every single operation: settings that were confirmed are in force, those
 * that nobody confirmed return in time, user data is not read twice, the machine does not reboot twice for the same
 * parameters, and it has the identity that it showed.
 */
import type { Json } from "../../../lib/text/json.ts";
import { unreachable } from "../../../lib/failure.ts";
import { Changes } from "../../../host/apiserver/changes.ts";
import { SettingsLockdown } from "../../../host/apiserver/settings-lockdown.ts";
import { ensureIdentity, makeIdentity } from "../../../host/apiserver/server/certificate.ts";
import type { Identity } from "../../../host/apiserver/server/identity.ts";
import { applyUserData, newBootStatus, rebootToReconcile } from "../../../host/daemon/boot.ts";
import { Datastore } from "../../../host/datastore/datastore.ts";
import { directoryDisk } from "../../../host/datastore/log/disk.ts";
import { logs, lookOver, placed } from "../../../host/kept/things.ts";
import type { Storage } from "../../../host/machine/storage.ts";
import { hostPath, type System } from "../../../host/machine/system.ts";
import { Trial } from "../../../host/daemon/trial.ts";
import { modelFor } from "../../../settings/model/model.ts";
import { factsOf } from "../../worlds/host/settings.ts";
import type { KeptEvent, KeptScenario } from "./kept-events.ts";
import { claim, Violation } from "./datastore-model.ts";
import { liveThrough } from "./life.ts";
import { TrialModel, type Moment } from "./trial-model.ts";
import { SimulatedStorage } from "../media/storage.ts";
import { testSystem, type TestSystem } from "../../worlds/host/system.ts";

export type KeptOutcome = { crashStates: number; operations: number; failed?: { event: number; error: unknown } };

/** What every life begins with. `faulty` may be a store that forgets something: then promises are broken. */
export type KeptWorld = AsyncDisposable & {
  machine: TestSystem;
  /** The same machine after a crash that only might have been: another boot. */
  crashed: TestSystem;
  identities: readonly Identity[];
  faulty: (storage: Storage) => Storage;
};

const endingsPerPowerLoss = 4;
const startsLimit = 5;
const facts = factsOf();
const model = modelFor(facts.variant);
const author = { kind: "host", part: "simulator" } as const;
const motdKey = "settings.motd";
const parametersKey = "settings.boot.kernel-parameters.loglevel";
const bootIdPath = "/proc/sys/kernel/random/boot_id";
const never = new AbortController().signal;
const beginMs = Date.UTC(2026, 0, 1);

export async function keptWorld(faulty: KeptWorld["faulty"] = (storage) => storage): Promise<KeptWorld> {
  const [machine, crashed] = [await testSystem(), await testSystem()];
  await crashed.write(bootIdPath, "after the crash\n");
  const identities = [await makeIdentity(), await makeIdentity(), await makeIdentity()];
  return {
    machine,
    crashed,
    identities,
    faulty,
    async [Symbol.asyncDispose]() {
      await machine[Symbol.asyncDispose]();
      await crashed[Symbol.asyncDispose]();
    },
  };
}

export async function runKeptScenario(world: KeptWorld, scenario: KeptScenario): Promise<KeptOutcome> {
  return await liveThrough(new KeptLife(world, world.machine, scenario.seed), scenario.events);
}

type Running = { system: System; datastore: Datastore; trial: Trial; changes: Changes };

class KeptLife {
  readonly #world: KeptWorld;
  /** What is not kept: what the kernel and the platform say. */
  readonly #machine: TestSystem;
  readonly #seed: number;
  #storage = new SimulatedStorage();
  #running: Running | undefined;
  #moment: Moment = { nowMs: beginMs, startedAtMs: beginMs, wrongMs: 0, boot: 0 };
  #settings = new TrialModel();
  #userData: { read: boolean; hostname: Json | undefined } = { read: false, hostname: undefined };
  /** Boot parameters that are set, and those of the last reboot for their sake. */
  #parameters: string | undefined;
  #rebootedFor: string | undefined;
  #rebootAsked = false;
  #fingerprint: string | undefined;
  #identitiesUsed = 0;
  #powerSeed = 0;
  #prefixes = 0;
  #crashStates = 0;
  #operations = 0;
  readonly #seen = new Set<string>();
  /** The first claim that did not hold in the middle of an operation. */
  #broken: unknown;

  constructor(world: KeptWorld, machine: TestSystem, seed: number) {
    this.#world = world;
    this.#machine = machine;
    this.#seed = seed;
  }

  counts(): { crashStates: number; operations: number } {
    return { crashStates: this.#crashStates, operations: this.#operations + this.#storage.operations };
  }

  async begin(): Promise<void> {
    this.#storage.mount("fat", "/efi");
    this.#storage.mount("journaled", "/var/lib/orlop");
    this.#storage.onOperation = async () => await this.#judgePrefix();
    await this.#boot();
  }

  async live(event: KeptEvent): Promise<void> {
    try {
      await this.#happen(event);
    } catch (error) {
      // A failure while the power goes proves nothing; a claim that does not hold always counts.
      if (!this.#storage.isGone || error instanceof Violation) throw this.#broken ?? error;
    }
    await this.#goOn();
  }

  async end(): Promise<void> {
    this.#storage.cutPowerAfter(Number.POSITIVE_INFINITY);
    this.#storage.dieAfter(Number.POSITIVE_INFINITY);
    await this.#boot();
    this.#moment.nowMs += 3600_000;
    await this.#start();
    claim(this.#opened().trial.current() === undefined, "a trial goes on after its time");
    await this.#showIdentity();
  }

  async #happen(event: KeptEvent): Promise<void> {
    const { trial, changes } = this.#opened();
    const { now } = this.#settings;
    switch (event.kind) {
      case "set":
        if (now.trial !== undefined) return;
        return await this.#settings.become(event.motd, async () => await this.#commit({ motd: event.motd }));
      case "try": {
        if (now.trial !== undefined) return;
        const begun = this.#settings.trialOf(event.seconds, this.#moment);
        const commit = async (): Promise<void> => await this.#commit({ motd: event.motd }, event.seconds);
        return await this.#settings.become(event.motd, commit, begun);
      }
      case "confirm":
        if (now.trial === undefined) return;
        return await this.#settings.become(now.motd, async () => await changes.exclusively(() => trial.confirm()));
      case "revert":
        return await this.#revert();
      case "wait":
        this.#moment.nowMs += event.seconds * 1000;
        return now.trial !== undefined && now.trial.endsAtMs <= this.#moment.nowMs ? await this.#revert() : undefined;
      case "step-clock":
        this.#moment.wrongMs = event.hours * 3_600_000;
        return;
      case "set-parameters":
        if (now.trial !== undefined) return;
        return await this.#commit({
          boot: { "reboot-to-reconcile": true, "kernel-parameters": { loglevel: [String(event.level)] } },
        });
      case "open-remote":
        return await this.#showIdentity();
      case "restart-daemon":
        this.#settings.daemonEnds(this.#moment);
        await trial.keep(async (work) => await changes.exclusively(work), AbortSignal.abort());
        return await this.#start();
      case "reboot":
        return await this.#boot();
      case "kill-daemon":
        return this.#storage.dieAfter(event.after);
      case "cut-power":
        this.#powerSeed = event.seed;
        return this.#storage.cutPowerAfter(event.after);
      default:
        return unreachable(event);
    }
  }

  async #revert(): Promise<void> {
    const { trial, changes } = this.#opened();
    const { now } = this.#settings;
    if (now.trial === undefined) return;
    const revert = async (): Promise<unknown> => await changes.exclusively(() => trial.revert("as asked"));
    await this.#settings.become(now.trial.before, revert);
  }

  async #commit(settings: Json, trySeconds?: number): Promise<void> {
    const { datastore, changes } = this.#opened();
    const parsed = model.parse(settings);
    if (!parsed.ok) throw new Error(`bug: ${JSON.stringify(parsed.problems)}`);
    datastore.stage("default", model.leaves(parsed.value));
    await changes.commit("default", author, "set", trySeconds);
  }

  async #showIdentity(): Promise<void> {
    const make = async (): Promise<Identity> => {
      const made = this.#world.identities[this.#identitiesUsed++ % this.#world.identities.length];
      if (made === undefined) throw new Error("bug: there are identities");
      return await Promise.resolve(made);
    };
    const { fingerprint } = await ensureIdentity(this.#opened().system, make);
    claim((this.#fingerprint ?? fingerprint) === fingerprint, "the host has another certificate than it showed");
    this.#fingerprint = fingerprint;
  }

  /** After what happened, whether or not the power or the daemon is gone. */
  async #goOn(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (!this.#storage.isGone) return;
    this.#operations += this.#storage.operations;
    if (this.#storage.processDied) {
      this.#use(this.#storage.afterDeath());
      return await this.#retried(async () => await this.#start());
    }
    const before = this.#storage;
    for (let ending = endingsPerPowerLoss - 1; ending > 0; ending--) {
      await this.#judgeCrash(before.afterPowerLoss(this.#powerSeed + ending));
    }
    this.#use(before.afterPowerLoss(this.#powerSeed));
    this.#crashStates++;
    await this.#retried(async () => await this.#boot());
  }

  /** The power may go again while the host starts. */
  async #retried(start: () => Promise<void>): Promise<void> {
    try {
      await start();
    } catch (error) {
      if (!this.#storage.isGone || error instanceof Violation) throw this.#broken ?? error;
      await this.#goOn();
    }
  }

  #use(storage: SimulatedStorage): void {
    this.#storage = storage;
    storage.onOperation = async () => await this.#judgePrefix();
  }

  /** The machine starts, and starts again as long as it asks for a reboot. */
  async #boot(): Promise<void> {
    for (let starts = 0; starts < startsLimit; starts++) {
      await this.#powerOn();
      await this.#start();
      if (!this.#rebootAsked) return;
      this.#rebootAsked = false;
    }
    claim(false, `the machine rebooted ${startsLimit} times in a row`);
  }

  /** User data says something else each time, so that it shows when it is read again. */
  async #powerOn(): Promise<void> {
    const { machine, crashed } = this.#world;
    const boot = ++this.#moment.boot;
    this.#moment.startedAtMs = this.#moment.nowMs;
    await machine.write(bootIdPath, `boot ${boot}\n`);
    const userData = `[settings.network]\nhostname = "host-${boot}"\n[settings.updates]\nseed = 7\n`;
    for (const each of [machine, crashed]) await each.write(placed.userData, userData);
  }

  /** The daemon starts. */
  async #start(): Promise<void> {
    const system = this.#system();
    await lookOver(system);
    const disk = directoryDisk(system.storage, hostPath(system, logs.settings.path));
    const datastore = await Datastore.open(disk, { image: facts.versionId, clock: system.clock });
    this.#settings.daemonStarts(this.#moment);
    const trial = await Trial.open(system, datastore);
    this.#running = {
      system,
      datastore,
      trial,
      changes: new Changes(model, datastore, trial, await SettingsLockdown.open(system)),
    };
    // A trial that could not be reverted is no failure of the start.
    if (this.#storage.isGone) throw new Error("the power is gone");
    this.#settings.accept(datastore.values.get(motdKey), trial.current()?.deadline, this.#moment);
    const host = { system, facts, model, datastore };
    const outcome = await applyUserData(host, newBootStatus(), never);
    this.#judgeUserData(outcome, datastore);
    this.#parameters = JSON.stringify(datastore.values.get(parametersKey));
    await rebootToReconcile(host);
  }

  #judgeUserData(outcome: "done" | "skipped", datastore: Datastore): void {
    const hostname = datastore.values.get("settings.network.hostname");
    claim(hostname !== undefined, "user data counts as read, and nothing of it is there");
    claim(!this.#userData.read || outcome === "skipped", "user data is read twice");
    claim((this.#userData.hostname ?? hostname) === hostname, "user data replaced what it said before");
    this.#userData = { read: true, hostname };
  }

  #system(): System {
    const { faulty } = this.#world;
    const { system } = this.#machine;
    return {
      ...system,
      storage: faulty(this.#storage.under(system.root)),
      clock: {
        now: () => new Date(this.#moment.nowMs + this.#moment.wrongMs),
        elapsedMs: () => this.#moment.nowMs - this.#moment.startedAtMs,
        sleep: async (ms) => {
          this.#moment.nowMs += ms;
        },
      },
      run: async (argv) => {
        claim(argv.join(" ") === "systemctl --no-block reboot", `nothing runs ${argv.join(" ")} here`);
        claim(this.#rebootedFor !== this.#parameters, `the machine reboots again for ${this.#parameters}`);
        this.#rebootedFor = this.#parameters;
        this.#rebootAsked = true;
        return await Promise.resolve("");
      },
      log: { info: () => undefined, error: () => undefined },
    };
  }

  /** A power loss right now: what every prefix of operations would leave. */
  async #judgePrefix(): Promise<void> {
    try {
      await this.#judgeCrash(this.#storage.afterPowerLoss(this.#seed + this.#prefixes++));
    } catch (error) {
      this.#broken ??= error; // whoever keeps something may take it for a failure of the disk
      throw error;
    }
  }

  /** The host would start well from these media; what it does then leaves this life alone. */
  async #judgeCrash(storage: SimulatedStorage): Promise<void> {
    this.#crashStates++;
    const state = `${storage.digest(["/"])} ${this.#settings.describe()} ${JSON.stringify([this.#userData, this.#fingerprint])}`;
    if (this.#seen.has(state)) return;
    this.#seen.add(state);
    const branch = new KeptLife(this.#world, this.#world.crashed, this.#seed);
    branch.#storage = storage;
    const { nowMs, wrongMs } = this.#moment;
    branch.#moment = { nowMs, wrongMs, startedAtMs: nowMs, boot: 0 };
    branch.#settings = this.#settings.copy();
    branch.#userData = this.#userData;
    branch.#rebootedFor = this.#rebootedFor;
    branch.#fingerprint = this.#fingerprint;
    await branch.#start();
    await branch.#showIdentity();
  }

  #opened(): Running {
    if (this.#running === undefined) throw new Error("bug: no daemon runs");
    return this.#running;
  }
}
