/**
 * The machine of a simulated life: media that lose power, a mirror that may lie, systemd-boot's rules, and on them the
 * real datastore, migrations, updater and health gate, opened and asked as hostd and the units of an image do it.
 */
import { join } from "node:path";
import type { StatusBody } from "../../../api/status.ts";
import { Datastore } from "../../../host/datastore/datastore.ts";
import { directoryDisk } from "../../../host/datastore/log/disk.ts";
import { logs } from "../../../host/kept/things.ts";
import type { System } from "../../../host/machine/system.ts";
import { bringToForm } from "../../../host/migrations/bring.ts";
import { entryName, entryText, kernelPath, type SetName } from "../../../host/update/boot/boot-entry.ts";
import { espPath, keepTryForPlannedReboot } from "../../../host/update/boot/sets.ts";
import { proveHealthy } from "../../../host/update/judge/health-gate.ts";
import { reconcilerAilments } from "../../../host/update/judge/health.ts";
import { readTerms } from "../../../host/update/judge/terms.ts";
import type { UpdateCommand } from "../../../host/update/state.ts";
import { Updater } from "../../../host/update/updater.ts";
import { isFailure } from "../../../lib/failure.ts";
import type { Argv } from "../../../lib/program/process.ts";
import { frameAt, framesIn } from "../../../lib/zstd/seekable-zstd.ts";
import { compareVersions } from "../../../repo/version.ts";
import { modelFor } from "../../../settings/model/model.ts";
import { variantNamed } from "../../../variants/all.ts";
import { testMachines } from "../../worlds/update/update-repository.ts";
import { SimulatedClock } from "../media/clock.ts";
import { countDown, loaderEntries } from "../media/loader.ts";
import { answerOf, askedFrom } from "../media/mirror.ts";
import { SimulatedStorage } from "../media/storage.ts";
import { bootedRoot, type BootedRoot } from "../media/booted-root.ts";
import { claim } from "./datastore-model.ts";
import { lies, type Lie, type UpdateScenario } from "./update-events.ts";
import { lastCommand, statusOf, type UpdatePromises } from "./update-promises.ts";
import {
  fateOf,
  worldMigrations,
  worldStartsAt,
  worldWriteSize,
  type SimulatedRelease,
  type UpdateWorld,
} from "./update-world.ts";

/** A machine that starts so often without coming to rest never does. */
const startsLimit = 8;
const partitionBytes = { root: 40_960, hash: 12_288 } as const;
const model = modelFor(variantNamed("dev"));
const noChecks = { units: [], "http-probes": [], containers: {}, "timeout-seconds": 60 };
const never = new AbortController().signal;
/** Of the health gate, which checks every two seconds. */
const slowChecks = 8;
/** What settings give an update unless they say otherwise, and a look after it. */
const judgedSeconds = model.complete({}).updates.health["timeout-seconds"] + 10;
/** On this host with every version: no update is to be blamed for it, whenever power fails. */
const failsForGood: StatusBody["reconcilers"][number] = {
  name: "sysctl",
  state: "failing",
  failure: { code: "sysctl-refused", message: "cannot set kernel.a", undone: ["set kernel.a to 1"] },
};

/** The system that runs; nothing of it is left after a reset. */
type Running = { set: SetName; release: SimulatedRelease; system: System; updater: Updater; datastore: Datastore };

export class UpdateMachine implements AsyncDisposable {
  readonly promises: UpdatePromises;
  readonly clock: SimulatedClock;
  storage: SimulatedStorage;
  /** Index of the newest release that the mirror has. */
  published = 0;
  /** How the mirror answers until the next command that it is for. */
  lie: Lie | undefined;
  /** The version on trial, from its start to the verdict. */
  onTrial: string | undefined;
  readonly #world: UpdateWorld;
  readonly #scenario: UpdateScenario;
  #running: Running | undefined;
  /** Of this boot. */
  #root: BootedRoot | undefined;
  /** Of the daemon, in the next command. */
  #dieAfter: number | undefined;
  #mediumLies = false;
  /** The targets by which a root was asked for, in order, and from which byte on each was asked for last. */
  #rootAsked = new Map<string, number>();
  /** How often the gate has asked for the unit of a release that is slow. */
  #unitAsked = 0;
  #rebooted = new Set<string>();

  constructor(
    world: UpdateWorld,
    scenario: UpdateScenario,
    promises: UpdatePromises,
    { storage, clock } = { storage: new SimulatedStorage(), clock: new SimulatedClock(worldStartsAt) },
  ) {
    this.#world = world;
    this.#scenario = scenario;
    this.promises = promises;
    this.storage = storage;
    this.clock = clock;
  }

  /** The same machine with other media, as if the power had been lost; what it does leaves this one alone. */
  branch(storage: SimulatedStorage): UpdateMachine {
    const media = { storage, clock: this.clock.copy() };
    const branch = new UpdateMachine(this.#world, this.#scenario, this.promises.copy(), media);
    branch.published = this.published;
    branch.#rebooted = new Set(this.#rebooted);
    return branch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#root?.[Symbol.asyncDispose]();
  }

  get running(): Running {
    if (this.#running === undefined) throw new Error("bug: no system runs");
    return this.#running;
  }

  /** With the first release, on set A. */
  install(): void {
    const [first] = this.#world.releases;
    if (first === undefined) throw new Error("bug: there is no first release");
    const { image, version } = first;
    this.storage.mount("fat", espPath);
    this.storage.mount("journaled", "/var/lib/orlop");
    for (const [index, bytes] of [image.root, image.hash, undefined, undefined].entries()) {
      const content = Buffer.alloc(index % 2 === 0 ? partitionBytes.root : partitionBytes.hash);
      bytes?.copy(content);
      this.storage.addDevice(`/dev/vda${index + 2}`, content);
    }
    const entry = { set: "a", priority: 1, standing: { kind: "successful" }, version } as const;
    this.storage.addFile(join(espPath, "loader/entries", entryName(entry)), entryText(entry));
    this.storage.addFile(join(espPath, kernelPath("a")), image.kernel);
  }

  /** Until a system runs that is not on trial any more. Throws when the power goes meanwhile. */
  async start(): Promise<void> {
    this.#running = undefined;
    for (let starts = 0; starts < startsLimit; starts++) if (await this.#startOnce()) return;
    claim(false, `no set came up in ${startsLimit} starts`);
  }

  /** Before a reboot that somebody asked for. */
  async shutDown(): Promise<void> {
    const { system, updater, datastore } = this.running;
    await keepTryForPlannedReboot(system);
    await updater[Symbol.asyncDispose]();
    await datastore[Symbol.asyncDispose]();
  }

  async restartDaemon(): Promise<void> {
    const { updater, set, release, system, datastore } = this.running;
    await updater[Symbol.asyncDispose]();
    this.#running = { set, release, system, datastore, updater: await this.#openUpdater(system, release) };
  }

  /** After its death. What it had written is there, on the medium or not. */
  async startDaemonAgain(): Promise<void> {
    const { set, release } = this.running;
    await this.#open(set, release);
  }

  /** The daemon dies after so many operations of the next command. */
  killDaemonAfter(operations: number): void {
    this.#dieAfter = operations;
  }

  /** A later write to a partition arrives with a wrong bit. */
  flipBitAfter(writes: number): void {
    this.#mediumLies = true;
    this.storage.flipBitAfter(writes);
  }

  /** The mirror is honest, and the medium keeps what is written. */
  trustMedia(): void {
    this.lie = undefined;
    this.#mediumIsGood();
  }

  /** From now on nothing fails that the machine does not do itself. */
  endFaults(): void {
    this.storage.cutPowerAfter(Number.POSITIVE_INFINITY);
    this.#dieAfter = undefined;
    this.trustMedia();
    this.clock.setRight();
  }

  async command(command: UpdateCommand): Promise<void> {
    const { updater } = this.running;
    const lie = this.lie;
    // A clock that shows less than it did makes metadata look new that is old: it is refused.
    const isHonest = lie === undefined || lie === "spoilt-patches"; // whole files are there as well
    const honest = isHonest && !this.#mediumLies && !this.clock.isBehind;
    const missing = command === "prepare" ? await this.#firstMissing() : undefined;
    this.#rootAsked.clear();
    if (this.onTrial === undefined) this.storage.dieAfter(this.#dieAfter ?? Number.POSITIVE_INFINITY);
    this.#dieAfter = undefined;
    await unlessRefused(async () => {
      const before = (await lastCommand(updater))?.timestamp;
      await updater.start(command);
      if (!this.storage.isGone) this.promises.commandBegins(command, before);
      await updater.settled();
      if (!this.storage.isGone) this.promises.commandEnds();
      if (lie !== undefined && lies[lie] === command) this.lie = undefined;
      this.#mediumIsGood();
      if (this.storage.isGone) return;
      this.promises.checkOutcome({
        command,
        status: await updater.status(),
        storage: this.storage,
        running: this.running.set,
        lie,
        honest: honest && !this.clock.isBehind,
        published: this.published,
        fellBack: lie === undefined && this.#rootAsked.size > 1,
        fetchedAgain: missing !== undefined && this.#isFetchedAgain(missing),
      });
    });
    this.storage.dieAfter(Number.POSITIVE_INFINITY);
  }

  /** The first byte of the chosen root that the inactive set has not. */
  async #firstMissing(): Promise<number | undefined> {
    const { updater, set } = this.running;
    const version = (await statusOf(updater))?.chosen_update?.version;
    return this.promises.firstMissing(this.storage, set, version);
  }

  /** By whole frames of the archive, or of the patch, that was asked for, and only behind the first one. */
  #isFetchedAgain(missing: number): boolean {
    const [asked] = this.#rootAsked;
    if (asked === undefined) return true;
    const [target, from] = asked;
    const files = this.#world.repositories[this.published] ?? new Map<string, Buffer>();
    const archive = files.get(`targets/${target}`) ?? Buffer.alloc(0);
    return from !== frameAt(framesIn(archive, archive.length) ?? [], missing).packedOffset;
  }

  #mediumIsGood(): void {
    this.#mediumLies = false;
    this.storage.flipBitAfter(undefined);
  }

  /** @returns whether the system stays */
  async #startOnce(): Promise<boolean> {
    const [entry] = loaderEntries(this.storage, espPath);
    claim(entry !== undefined, "nothing boots");
    const { set, release } = this.promises.verified(this.storage, entry.kernel);
    this.onTrial = entry.tries === undefined ? undefined : release.version;
    await countDown(this.storage, espPath, entry);
    this.#unitAsked = 0;
    const fate = fateOf(this.#world, this.#scenario, release.version);
    if (entry.tries !== undefined && fate === "panics") return false;

    await this.#root?.[Symbol.asyncDispose]();
    this.#root = await bootedRoot(this.#world.hosts[set].system);
    const { system } = await this.#open(set, release);
    if (entry.tries === undefined) return true;
    if (this.#scenario.impatient) {
      await this.command("refresh");
      await this.command("prepare");
    }
    if (fate === "rebooted-on-trial" && !this.#rebooted.has(release.version)) {
      this.#rebooted.add(release.version);
      await keepTryForPlannedReboot(system);
      return false;
    }
    if (!(await this.#isHealthy(system, release))) return false;
    this.onTrial = undefined;
    return true;
  }

  /** The verdict of the real gate, in its time. */
  async #isHealthy(system: System, { version }: SimulatedRelease): Promise<boolean> {
    const startedMs = this.clock.elapsedMs();
    const verdict = await proveHealthy(
      system,
      {
        running: version,
        units: ["hostd.service", "containerd.service"],
        terms: await readTerms(system, model, version),
        status: () => Promise.resolve({ boot: [], reconcilers: [failsForGood] }),
        fallback: () => Promise.resolve(noChecks),
        health: () => Promise.resolve(noChecks),
      },
      never,
    );
    const seconds = (this.clock.elapsedMs() - startedMs) / 1000;
    claim(seconds <= judgedSeconds, `${version} is judged after ${seconds} s`);
    return verdict.kind !== "unhealthy";
  }

  /** What the daemon does at its start. */
  async #open(set: SetName, release: SimulatedRelease): Promise<Running> {
    const system = this.#systemOf(set, release);
    const datastore = await Datastore.open(directoryDisk(this.storage, logs.settings.path), {
      image: release.version,
      clock: system.clock,
    });
    const known = worldMigrations.filter((migration) => compareVersions(migration.version, release.version) <= 0);
    await bringToForm(system, datastore, release.version, known);
    this.promises.settings.accept(datastore.values, release.version);
    const updater = await this.#openUpdater(system, release);
    this.#running = { set, release, system, datastore, updater };
    return this.#running;
  }

  async #openUpdater(system: System, { version }: SimulatedRelease): Promise<Updater> {
    const { tries } = this.#scenario;
    const updates = {
      "metadata-base-url": "http://updates.test/metadata/dev/x86_64",
      "targets-base-url": "http://updates.test/targets",
      seed: 5,
      tries,
    };
    const updater = await Updater.open({
      system,
      running: { ...testMachines, version },
      settings: () => model.complete({ updates }),
      values: () => this.#running?.datastore.values ?? new Map(),
      ailments: async () => reconcilerAilments(failsForGood),
      writeSize: worldWriteSize,
    });
    if (!this.storage.isGone) await this.promises.checkRemembered(updater);
    return updater;
  }

  #systemOf(set: SetName, release: SimulatedRelease): System {
    if (this.#root === undefined) throw new Error("bug: no system has booted");
    const { root } = this.#root;
    return {
      ...this.#world.hosts[set].system,
      root,
      storage: this.storage.under(root),
      clock: this.clock,
      run: async (argv) => this.#stateOfUnit(argv, release),
      ask: async (argv) => ({ stdout: this.#stateOfUnit(argv, release), stderr: "", exitCode: 0 }),
      fetch: async (url, init) => {
        this.#noteRoot(url, init);
        return answerOf(this.#world.repositories, this.published, this.lie, url, init);
      },
      log: { info: () => undefined, error: () => undefined },
    };
  }

  #noteRoot({ pathname }: URL, init: RequestInit): void {
    if (!pathname.includes("-root.")) return;
    const target = pathname.slice(pathname.lastIndexOf("/") + 1);
    this.#rootAsked.set(target, askedFrom(init));
  }

  #stateOfUnit(argv: Argv, { version }: SimulatedRelease): string {
    if (argv.at(-1) !== "containerd.service") return "active\n";
    const fate = fateOf(this.#world, this.#scenario, version);
    if (fate === "slow" && this.#unitAsked++ < slowChecks) return "activating\n";
    return fate === "unhealthy" ? "failed\n" : "active\n";
  }
}

/** What the updater may refuse to do in its state is no failure of it. */
export async function unlessRefused(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const expected = isFailure(error, "update-not-allowed", "no-update", "update-on-trial", "inactive-will-not-boot");
    if (!expected) throw error;
  }
}
