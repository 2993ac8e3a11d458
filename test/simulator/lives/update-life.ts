/**
 * One simulated life of a host that updates itself: the real updater, signpost, health gate, datastore and migrations,
 * on media that lose power, with a real repository whose mirror may lie, and systemd-boot's rules in between.
 *
 * After every event, and for a power loss before every single write: a set boots; every set that the loader could ever
 * start holds, byte for byte, a release that was published; the settings are those of one commit. Once faults stop, the
 * machine takes the newest healthy release and rests.
 */
import { join } from "node:path";
import type { StatusBody } from "../../../api/status.ts";
import { Datastore } from "../../../host/datastore/datastore.ts";
import { directoryDisk } from "../../../host/datastore/log/disk.ts";
import { logs } from "../../../host/kept/things.ts";
import { bringToForm } from "../../../host/migrations/bring.ts";
import type { System } from "../../../host/machine/system.ts";
import { entryName, entryText, kernelPath, setNames, type SetName } from "../../../host/update/boot/boot-entry.ts";
import { reconcilerAilments } from "../../../host/update/judge/health.ts";
import { proveHealthy } from "../../../host/update/judge/health-gate.ts";
import { readTerms } from "../../../host/update/judge/terms.ts";
import { espPath, keepTryForPlannedReboot, requireSets } from "../../../host/update/boot/sets.ts";
import { Updater } from "../../../host/update/updater.ts";
import { blockBytes } from "../../../host/update/write/verity-tree.ts";
import { compareVersions } from "../../../repo/version.ts";
import { isFailure, unreachable } from "../../../lib/failure.ts";
import type { Argv } from "../../../lib/program/process.ts";
import { frameAt, framesIn } from "../../../lib/zstd/seekable-zstd.ts";
import { modelFor } from "../../../settings/model/model.ts";
import { variantNamed } from "../../../variants/all.ts";
import { claim, Violation } from "./datastore-model.ts";
import { SettingsModel } from "./settings-model.ts";
import { lies, type Fate, type Lie, type UpdateEvent, type UpdateScenario } from "./update-events.ts";
import { worldMigrations, worldStartsAt, worldWriteSize, type Release, type UpdateWorld } from "./update-world.ts";
import { answerOf, askedFrom } from "../media/mirror.ts";
import { countDown, loaderEntries } from "../media/loader.ts";
import { SimulatedClock } from "../media/clock.ts";
import { SimulatedStorage } from "../media/storage.ts";
import { testMachines } from "../../worlds/update/update-repository.ts";
import { liveThrough } from "./life.ts";

export type UpdateOutcome = {
  crashStates: number;
  operations: number;
  failed?: { event: number; error: unknown };
};

/** What is counted over many lives: digests of all media after a power loss, and of those that decide what boots. */
export type Seen = { media: Set<string>; bootable: Set<string> };

const endingsPerPowerLoss = 4;
/** Of the states that a power loss would leave, one in so many is also started. */
const startedEvery = 4;
/** A machine that starts so often without coming to rest never does. */
const startsLimit = 8;
const settleLimit = 40;
const partitionBytes = { root: 40_960, hash: 12_288 } as const;
const author = { kind: "host", part: "simulator" } as const;
const leadsTo = { prepare: "Staged", activate: "Ready", deactivate: "Staged" } as const;
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

export async function runUpdateScenario(
  world: UpdateWorld,
  scenario: UpdateScenario,
  seen: Seen,
): Promise<UpdateOutcome> {
  const life = new UpdateLife(world, scenario, seen);
  return await liveThrough(life, scenario.events);
}

/** The system that runs; nothing of it is left after a reset. */
type Running = { set: SetName; release: Release; system: System; updater: Updater; datastore: Datastore };

class UpdateLife {
  readonly #world: UpdateWorld;
  readonly #scenario: UpdateScenario;
  readonly #seen: Seen;
  #settings = new SettingsModel(worldMigrations);
  #storage = new SimulatedStorage();
  #running: Running | undefined;
  #clock = new SimulatedClock(worldStartsAt);
  #published = 0;
  /** The newest state of the repository that a refresh has accepted. */
  #accepted = 0;
  #lie: Lie | undefined;
  /** Of the daemon, in the next command. */
  #dieAfter: number | undefined;
  /** From which byte on a root was asked for last. */
  #rootAskedFrom: number | undefined;
  #mediumLies = false;
  /** How often the gate has asked for the unit of a release that is slow. */
  #unitAsked = 0;
  #rebooted = new Set<string>();
  #onTrial: string | undefined;
  /** Versions that the updater holds, which nobody has released since. */
  #held = new Set<string>();
  /** The command that was accepted and has no outcome yet, and the time of the outcome before it. */
  #atWork: { command: string; before: string | undefined } | undefined;
  /** Releases that lost power while they were on trial, which nobody can tell from a panic. */
  #cutOnTrial = new Set<string>();
  #crashStates = 0;
  #operations = 0;
  #prefixes = 0;
  #powerSeed = 0;
  /** The first claim that did not hold in the middle of an operation. */
  #broken: unknown;

  constructor(world: UpdateWorld, scenario: UpdateScenario, seen: Seen) {
    this.#world = world;
    this.#scenario = scenario;
    this.#seen = seen;
  }

  counts(): { crashStates: number; operations: number } {
    return { crashStates: this.#crashStates, operations: this.#operations + this.#storage.operations };
  }

  /** A machine that was installed with the first release, on set A. */
  async begin(): Promise<void> {
    const { image, version } = this.#release(0);
    this.#storage.mount("fat", espPath);
    this.#storage.mount("journaled", "/var/lib/orlop");
    for (const [index, bytes] of [image.root, image.hash, undefined, undefined].entries()) {
      const content = Buffer.alloc(index % 2 === 0 ? partitionBytes.root : partitionBytes.hash);
      bytes?.copy(content);
      this.#storage.addDevice(`/dev/vda${index + 2}`, content);
    }
    const entry = { set: "a", priority: 1, standing: { kind: "successful" }, version } as const;
    this.#storage.addFile(join(espPath, "loader/entries", entryName(entry)), entryText(entry));
    this.#storage.addFile(join(espPath, kernelPath("a")), image.kernel);
    this.#storage.onOperation = async () => await this.#judgePrefix();
    await this.#start();
  }

  async live(event: UpdateEvent): Promise<void> {
    try {
      await this.#happen(event);
    } catch (error) {
      // A failure while the power goes proves nothing; a claim that does not hold always counts.
      if (!this.#storage.isGone || error instanceof Violation) throw this.#broken ?? error;
    }
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#storage.processDied) await this.#daemonReturns();
    else if (this.#storage.isGone) await this.#powerReturns();
    else await this.#judge(this.#storage.afterDeath());
  }

  /** Whatever happened: with honest mirrors and steady power the machine takes the newest release it can, and rests. */
  async end(): Promise<void> {
    this.#storage.cutPowerAfter(Number.POSITIVE_INFINITY);
    this.#dieAfter = undefined;
    this.#lie = undefined;
    this.#mediumIsGood();
    this.#clock.setRight();
    for (let step = 0; step < settleLimit; step++) {
      const { updater } = this.#opened();
      await this.#command("refresh");
      if (this.#broken !== undefined) throw this.#broken;
      const status = await updater.status();
      claim(
        status.most_recent_command.cmd_status === "Success",
        `a refresh fails: ${status.most_recent_command.stderr}`,
      );
      if (status.chosen_update === null && status.update_state === "Idle") return await this.#checkRest();
      await this.#goOn();
    }
    claim(false, "the updater does not come to rest");
  }

  async #checkRest(): Promise<void> {
    const { updater, release, datastore } = this.#opened();
    const held = new Set(updater.held.map(({ version }) => version));
    const offered = this.#world.releases.slice(0, this.#published + 1).map(({ version }) => version);
    const best = offered
      .filter((version) => !held.has(version))
      .toSorted(compareVersions)
      .at(-1);
    const newest = [best ?? "none", release.version].toSorted(compareVersions).at(-1);
    claim(release.version === newest, `${release.version} runs, not ${newest}`);
    for (const version of held) {
      const failed = !this.#isHealthy(version) || this.#cutOnTrial.has(version);
      claim(failed, `${version} is held, and is healthy and had power while it was on trial`);
    }
    this.#settings.accept(datastore.values, release.version);
  }

  async #happen(event: UpdateEvent): Promise<void> {
    switch (event.kind) {
      case "go-on":
        return await this.#goOn();
      case "refresh":
      case "prepare":
      case "activate":
      case "deactivate":
        return await this.#command(event.kind);
      case "release": {
        const { updater } = this.#opened();
        const [held] = updater.held;
        if (held === undefined) return;
        this.#held.delete(held.version);
        await updater.release(held.version);
        return;
      }
      case "publish":
        this.#published = Math.min(this.#published + 1, this.#world.releases.length - 1);
        return;
      case "reboot":
        return await this.#reboot();
      case "restart-daemon": {
        const { updater, set, release, system, datastore } = this.#opened();
        await updater[Symbol.asyncDispose]();
        this.#running = { set, release, system, datastore, updater: await this.#openUpdater(system, release) };
        return;
      }
      case "kill-daemon":
        this.#dieAfter = event.after;
        return;
      case "roll-back":
        return await this.#unlessRefused(async () => {
          await (await requireSets(this.#opened().system)).signpost.rollbackToInactive();
        });
      case "set":
        return await this.#set(event.key, event.value);
      case "lie":
        this.#lie = event.how;
        return;
      case "step-clock":
        return this.#clock.step(event);
      case "flip-bit":
        this.#mediumLies = true;
        return this.#storage.flipBitAfter(event.after);
      case "cut-power":
        this.#powerSeed = event.seed;
        return this.#storage.cutPowerAfter(event.after);
      default:
        return unreachable(event);
    }
  }

  async #goOn(): Promise<void> {
    const { updater } = this.#opened();
    const state = await this.#stateOf(updater);
    switch (state) {
      case "Idle":
        return await this.#command("refresh");
      case "Available":
        return await this.#command("prepare");
      case "Staged":
        return await this.#command("activate");
      case "Ready":
        return await this.#reboot();
    }
  }

  async #stateOf(updater: Updater): Promise<"Idle" | "Available" | "Staged" | "Ready"> {
    try {
      return (await updater.status()).update_state;
    } catch (error) {
      if (isFailure(error, "no-update-status", "update-busy")) return "Idle";
      throw error;
    }
  }

  /** With an honest mirror and power, a command that is accepted goes well. */
  async #command(command: "refresh" | "prepare" | "activate" | "deactivate"): Promise<void> {
    const { updater } = this.#opened();
    const lie = this.#lie;
    // A clock that shows less than it did makes metadata look new that is old: it is refused.
    const honest = lie === undefined && !this.#mediumLies && !this.#clock.isBehind;
    const left = command === "prepare" ? this.#leftToFetch(await this.#chosenBy(updater)) : undefined;
    this.#rootAskedFrom = undefined;
    if (this.#onTrial === undefined) this.#storage.dieAfter(this.#dieAfter ?? Number.POSITIVE_INFINITY);
    this.#dieAfter = undefined;
    await this.#unlessRefused(async () => {
      const before = (await this.#lastCommand(updater))?.timestamp;
      await updater.start(command);
      if (!this.#storage.isGone) this.#atWork = { command, before };
      await updater.settled();
      if (!this.#storage.isGone) this.#atWork = undefined;
      if (lie !== undefined && lies[lie] === command) this.#lie = undefined;
      this.#mediumIsGood();
      if (this.#storage.isGone) return;
      const status = await updater.status();
      const { cmd_status: outcome, stderr } = status.most_recent_command;
      claim(outcome === "Success" || !honest || this.#clock.isBehind, `${command} fails without a reason: ${stderr}`);
      if (outcome !== "Success") return;
      if (command === "refresh") {
        claim(lie !== "old" || this.#accepted === 0, "metadata that is older than what was accepted is believed");
        this.#accepted = lie === "old" ? 0 : this.#published;
      } else if (command === "prepare") {
        claim(left === undefined || this.#rootAskedFrom === left, "bytes that are there already were fetched again");
      }
      if (command !== "refresh")
        claim(status.update_state === leadsTo[command], `${command} leads to ${status.update_state}`);
      const [first] = loaderEntries(this.#storage, espPath);
      const isNext = first?.kernel === kernelPath(this.#opened().set);
      claim(status.active_partition?.next_to_boot === isNext, "the status is wrong about what boots next");
    });
    this.#storage.dieAfter(Number.POSITIVE_INFINITY);
  }

  async #chosenBy(updater: Updater): Promise<string | undefined> {
    try {
      return (await updater.status()).chosen_update?.version;
    } catch (error) {
      if (isFailure(error, "no-update-status", "update-busy")) return undefined;
      throw error;
    }
  }

  /** The first byte of the archived root that the inactive set has not: in whole frames, and only behind the first. */
  #leftToFetch(version: string | undefined): number | undefined {
    const image = this.#world.releases.find((release) => release.version === version)?.image;
    const device = this.#opened().set === "a" ? "/dev/vda4" : "/dev/vda2";
    const there = this.#storage.content(device);
    if (image === undefined || there === undefined) return undefined;
    const { root, artefacts } = image;
    let block = 1;
    const isGood = (at: number): boolean =>
      at < root.length && there.subarray(at, at + blockBytes).equals(root.subarray(at, at + blockBytes));
    while (isGood(block * blockBytes)) block++;
    const frames = framesIn(Buffer.from(artefacts.root), artefacts.root.length) ?? [];
    return frameAt(frames, block * blockBytes).packedOffset;
  }

  #mediumIsGood(): void {
    this.#mediumLies = false;
    this.#storage.flipBitAfter(undefined);
  }

  async #unlessRefused(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const expected = isFailure(error, "update-not-allowed", "no-update", "update-on-trial", "inactive-will-not-boot");
      if (!expected) throw error;
    }
  }

  async #set(key: string, value: number): Promise<void> {
    const { datastore, release } = this.#opened();
    const wanted = this.#settings.begin(key, value, release.version);
    if (wanted === undefined) return;
    await datastore.replace(wanted, author, "set");
    this.#settings.acknowledge();
  }

  /** One that somebody asked for. */
  async #reboot(): Promise<void> {
    const { system, updater, datastore } = this.#opened();
    await keepTryForPlannedReboot(system);
    await updater[Symbol.asyncDispose]();
    await datastore[Symbol.asyncDispose]();
    await this.#start();
  }

  /** What it had written is there, on the medium or not. */
  async #daemonReturns(): Promise<void> {
    this.#operations += this.#storage.operations;
    const { set, release } = this.#opened();
    this.#storage = this.#storage.afterDeath();
    this.#storage.onOperation = async () => await this.#judgePrefix();
    this.#lie = undefined;
    this.#mediumIsGood();
    await this.#open(set, release);
    await this.#judge(this.#storage.afterDeath());
  }

  async #powerReturns(): Promise<void> {
    this.#operations += this.#storage.operations;
    if (this.#onTrial !== undefined) this.#cutOnTrial.add(this.#onTrial);
    const before = this.#storage;
    for (let ending = endingsPerPowerLoss - 1; ending >= 0; ending--) {
      const storage = before.afterPowerLoss(this.#powerSeed + ending);
      await this.#judgeCrash(storage);
      if (ending > 0) continue;
      this.#storage = storage;
      storage.onOperation = async () => await this.#judgePrefix();
    }
    this.#lie = undefined;
    this.#mediumIsGood();
    await this.#start();
  }

  /** Until a system runs that is not on trial any more, or the power goes again. */
  async #start(): Promise<void> {
    this.#running = undefined;
    for (let starts = 0; starts < startsLimit; starts++) {
      try {
        if (await this.#startOnce()) return;
      } catch (error) {
        if (!this.#storage.isGone || error instanceof Violation) throw error;
        return await this.#powerReturns();
      }
    }
    claim(false, `no set came up in ${startsLimit} starts`);
  }

  /** @returns whether the system stays */
  async #startOnce(): Promise<boolean> {
    const [entry] = loaderEntries(this.#storage, espPath);
    claim(entry !== undefined, "nothing boots");
    const { set, release } = this.#verified(this.#storage, entry.kernel);
    this.#onTrial = entry.tries === undefined ? undefined : release.version;
    await countDown(this.#storage, espPath, entry);
    this.#unitAsked = 0;
    const fate = this.#fateOf(release.version);
    if (entry.tries !== undefined && fate === "panics") return false;

    const { system } = await this.#open(set, release);
    if (entry.tries === undefined) return true;
    if (this.#scenario.impatient) {
      await this.#command("refresh");
      await this.#command("prepare");
    }
    if (fate === "rebooted-on-trial" && !this.#rebooted.has(release.version)) {
      this.#rebooted.add(release.version);
      await keepTryForPlannedReboot(system);
      return false;
    }
    const startedMs = this.#clock.elapsedMs();
    const verdict = await proveHealthy(
      system,
      {
        running: release.version,
        units: ["hostd.service", "containerd.service"],
        terms: await readTerms(system, model, release.version),
        status: () => Promise.resolve({ boot: [], reconcilers: [failsForGood] }),
        fallback: () => Promise.resolve(noChecks),
        health: () => Promise.resolve(noChecks),
      },
      never,
    );
    const seconds = (this.#clock.elapsedMs() - startedMs) / 1000;
    claim(seconds <= judgedSeconds, `${release.version} is judged after ${seconds} s`);
    if (verdict.kind === "unhealthy") return false;
    this.#onTrial = undefined;
    return true;
  }

  /** What the daemon does at its start. */
  async #open(set: SetName, release: Release): Promise<Running> {
    const system = this.#systemOf(set, release);
    const datastore = await Datastore.open(directoryDisk(this.#storage, logs.settings.path), {
      image: release.version,
      clock: system.clock,
    });
    const known = worldMigrations.filter((migration) => compareVersions(migration.version, release.version) <= 0);
    await bringToForm(system, datastore, release.version, known);
    this.#settings.accept(datastore.values, release.version);
    const updater = await this.#openUpdater(system, release);
    this.#running = { set, release, system, datastore, updater };
    return this.#running;
  }

  async #openUpdater(system: System, { version }: Release): Promise<Updater> {
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
    if (!this.#storage.isGone) await this.#checkRemembered(updater);
    return updater;
  }

  /** What was held stays held, and a command that was interrupted has an outcome. */
  async #checkRemembered(updater: Updater): Promise<void> {
    const held = new Set(updater.held.map(({ version }) => version));
    for (const version of this.#held) claim(held.has(version), `${version} failed here and is not held any more`);
    this.#held = held;
    if (this.#atWork === undefined) return;
    const { command, before } = this.#atWork;
    const last = await this.#lastCommand(updater);
    const isReported = last?.cmd_type === command && last.timestamp !== before;
    claim(isReported, `nothing is told of a ${command} that the daemon did not survive`);
    this.#atWork = undefined;
  }

  async #lastCommand(updater: Updater): Promise<{ cmd_type: string; timestamp: string } | undefined> {
    try {
      return (await updater.status()).most_recent_command;
    } catch (error) {
      if (isFailure(error, "no-update-status", "update-busy")) return undefined;
      throw error;
    }
  }

  #systemOf(set: SetName, release: Release): System {
    const { system } = this.#world.hosts[set];
    return {
      ...system,
      storage: this.#storage.under(system.root),
      clock: this.#clock,
      run: async (argv) => this.#stateOfUnit(argv, release),
      ask: async (argv) => ({ stdout: this.#stateOfUnit(argv, release), stderr: "", exitCode: 0 }),
      fetch: async (url, init) => {
        if (url.pathname.endsWith("-root.zst")) this.#rootAskedFrom = askedFrom(init);
        return answerOf(this.#world.repositories, this.#published, this.#lie, url, init);
      },
      log: { info: () => undefined, error: () => undefined },
    };
  }

  #stateOfUnit(argv: Argv, { version }: Release): string {
    if (argv.at(-1) !== "containerd.service") return "active\n";
    const fate = this.#fateOf(version);
    if (fate === "slow" && this.#unitAsked++ < slowChecks) return "activating\n";
    return fate === "unhealthy" ? "failed\n" : "active\n";
  }

  /** A power loss right now: what every prefix of writes would leave, seen once for each operation. */
  async #judgePrefix(): Promise<void> {
    try {
      const storage = this.#storage.afterPowerLoss(this.#scenario.seed + this.#prefixes++);
      if ((await this.#judgeCrash(storage)) && this.#prefixes % startedEvery === 0)
        await this.#branch(storage).#start();
    } catch (error) {
      this.#broken ??= error; // the updater takes it for a failure of its command
      throw error;
    }
  }

  /** @returns whether it is a state that was not seen before */
  async #judgeCrash(storage: SimulatedStorage): Promise<boolean> {
    this.#crashStates++;
    const media = storage.digest(["/"]);
    if (this.#seen.media.has(media)) return false;
    this.#seen.media.add(media);
    this.#seen.bootable.add(storage.digest(["/dev/", espPath]));
    await this.#judge(storage);
    return true;
  }

  /** The same machine with other media, as if the power had been lost; what it does leaves this life alone. */
  #branch(storage: SimulatedStorage): UpdateLife {
    const branch = new UpdateLife(this.#world, this.#scenario, this.#seen);
    branch.#storage = storage;
    branch.#settings = this.#settings.copy();
    branch.#published = this.#published;
    branch.#accepted = this.#accepted;
    branch.#clock = this.#clock.copy();
    branch.#rebooted = new Set(this.#rebooted);
    branch.#held = new Set(this.#held);
    branch.#atWork = this.#atWork;
    return branch;
  }

  /** What must hold at every moment, whatever comes next. The media are a copy: looking at them changes them. */
  async #judge(storage: SimulatedStorage): Promise<void> {
    const entries = loaderEntries(storage, espPath);
    claim(entries.length > 0, "nothing boots");
    for (const { kernel, tries } of entries) {
      const { version } = this.#verified(storage, kernel).release;
      claim(tries !== undefined || this.#isHealthy(version), `${version} is not healthy and counts as successful`);
    }
    await using datastore = await Datastore.open(directoryDisk(storage, logs.settings.path), {
      image: "judge",
      clock: { now: () => new Date() },
    });
    this.#settings.check(datastore.values);
  }

  /** The set of a kernel, and the release that is on it, byte for byte. */
  #verified(storage: SimulatedStorage, kernel: string): { set: SetName; release: Release } {
    const set = setNames.find((each) => kernelPath(each) === kernel);
    claim(set !== undefined, `an entry starts ${kernel}`);
    const content = storage.content(join(espPath, kernel));
    const release = this.#world.releases.find(({ image }) => content?.equals(image.kernel) === true);
    claim(release !== undefined, `the kernel of set ${set} is none that was published`);
    const first = set === "a" ? 2 : 4;
    const holds = (device: number, bytes: Buffer): boolean =>
      storage.content(`/dev/vda${device}`)?.subarray(0, bytes.length).equals(bytes) === true;
    claim(holds(first, release.image.root), `the root of set ${set} is not that of ${release.version}`);
    claim(holds(first + 1, release.image.hash), `the hash tree of set ${set} is not that of ${release.version}`);
    return { set, release };
  }

  #release(index: number): Release {
    const release = this.#world.releases[index];
    if (release === undefined) throw new Error(`bug: there is no release ${index}`);
    return release;
  }

  #fateOf(version: string): Fate {
    const index = this.#world.releases.findIndex((release) => release.version === version);
    return index === 0 ? "healthy" : (this.#scenario.fates[index] ?? "healthy");
  }

  #isHealthy(version: string): boolean {
    const fate = this.#fateOf(version);
    return fate !== "panics" && fate !== "unhealthy";
  }

  #opened(): Running {
    if (this.#running === undefined) throw new Error("bug: no system runs");
    return this.#running;
  }
}
