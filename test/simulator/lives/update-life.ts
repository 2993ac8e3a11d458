/**
 * One simulated life of a host that updates itself: events happen to its machine (`update-machine.ts`), and after every
 * one, and for a power loss before every single write, what is promised must hold (`update-promises.ts`). Once faults
 * stop, the machine takes the newest healthy release and rests.
 */
import { espPath, requireSets } from "../../../host/update/boot/sets.ts";
import { unreachable } from "../../../lib/failure.ts";
import type { SimulatedStorage } from "../media/storage.ts";
import { claim, Violation } from "./datastore-model.ts";
import { liveThrough } from "./life.ts";
import type { UpdateEvent, UpdateScenario } from "./update-events.ts";
import { unlessRefused, UpdateMachine } from "./update-machine.ts";
import { statusOf, UpdatePromises } from "./update-promises.ts";
import type { UpdateWorld } from "./update-world.ts";

export type UpdateLifeOutcome = {
  crashStates: number;
  operations: number;
  failed?: { event: number; error: unknown };
};

/** What is counted over many lives: digests of all media after a power loss, and of those that decide what boots. */
export type SeenMedia = { media: Set<string>; bootable: Set<string> };

const endingsPerPowerLoss = 4;
/** Of the states that a power loss would leave, one in so many is also started. */
const startedEvery = 4;
const settleLimit = 40;
const author = { kind: "host", part: "simulator" } as const;

export async function runUpdateScenario(
  world: UpdateWorld,
  scenario: UpdateScenario,
  seen: SeenMedia,
): Promise<UpdateLifeOutcome> {
  await using life = new UpdateLife(world, scenario, seen);
  return await liveThrough(life, scenario.events);
}

class UpdateLife implements AsyncDisposable {
  readonly #machine: UpdateMachine;
  readonly #promises: UpdatePromises;
  readonly #releases: number;
  readonly #seed: number;
  readonly #seen: SeenMedia;
  #crashStates = 0;
  /** Of the media before the last power loss. */
  #operations = 0;
  #prefixes = 0;
  #powerSeed = 0;
  /** The first claim that did not hold in the middle of an operation. */
  #broken: unknown;

  constructor(world: UpdateWorld, scenario: UpdateScenario, seen: SeenMedia) {
    this.#promises = new UpdatePromises(world, scenario);
    this.#machine = new UpdateMachine(world, scenario, this.#promises);
    this.#releases = world.releases.length;
    this.#seed = scenario.seed;
    this.#seen = seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machine[Symbol.asyncDispose]();
  }

  counts(): { crashStates: number; operations: number } {
    return { crashStates: this.#crashStates, operations: this.#operations + this.#machine.storage.operations };
  }

  async begin(): Promise<void> {
    this.#machine.install();
    this.#useMedia(this.#machine.storage);
    await this.#start();
  }

  async live(event: UpdateEvent): Promise<void> {
    const machine = this.#machine;
    try {
      await this.#happen(event);
    } catch (error) {
      // A failure while the power goes proves nothing; a claim that does not hold always counts.
      if (!machine.storage.isGone || error instanceof Violation) throw this.#broken ?? error;
    }
    if (this.#broken !== undefined) throw this.#broken;
    if (machine.storage.processDied) await this.#daemonReturns();
    else if (machine.storage.isGone) await this.#powerReturns();
    else await this.#promises.checkMoment(machine.storage.afterDeath());
  }

  /** Whatever happened: with honest mirrors and steady power the machine takes the newest release it can, and rests. */
  async end(): Promise<void> {
    const machine = this.#machine;
    machine.endFaults();
    for (let step = 0; step < settleLimit; step++) {
      const { updater, release, datastore } = machine.running;
      await machine.command("refresh");
      if (this.#broken !== undefined) throw this.#broken;
      const { most_recent_command: last, chosen_update: chosen, update_state: state } = await updater.status();
      claim(last.cmd_status === "Success", `a refresh fails: ${last.stderr}`);
      if (chosen === null && state === "Idle") {
        this.#promises.checkRest(updater, release.version, machine.published);
        return this.#promises.settings.accept(datastore.values, release.version);
      }
      await this.#goOn();
    }
    claim(false, "the updater does not come to rest");
  }

  async #happen(event: UpdateEvent): Promise<void> {
    const machine = this.#machine;
    switch (event.kind) {
      case "go-on":
        return await this.#goOn();
      case "refresh":
      case "prepare":
      case "activate":
      case "deactivate":
        return await machine.command(event.kind);
      case "release":
        return await this.#release();
      case "publish":
        machine.published = Math.min(machine.published + 1, this.#releases - 1);
        return;
      case "reboot":
        return await this.#reboot();
      case "restart-daemon":
        return await machine.restartDaemon();
      case "kill-daemon":
        return machine.killDaemonAfter(event.after);
      case "roll-back":
        return await unlessRefused(async () => {
          await (await requireSets(machine.running.system)).signpost.rollbackToInactive();
        });
      case "set":
        return await this.#set(event.key, event.value);
      case "lie":
        machine.lie = event.how;
        return;
      case "step-clock":
        return machine.clock.step(event);
      case "flip-bit":
        return machine.flipBitAfter(event.after);
      case "cut-power":
        this.#powerSeed = event.seed;
        return machine.storage.cutPowerAfter(event.after);
      default:
        return unreachable(event);
    }
  }

  /** The next thing on the way to an update. */
  async #goOn(): Promise<void> {
    const state = (await statusOf(this.#machine.running.updater))?.update_state ?? "Idle";
    switch (state) {
      case "Idle":
        return await this.#machine.command("refresh");
      case "Available":
        return await this.#machine.command("prepare");
      case "Staged":
        return await this.#machine.command("activate");
      case "Ready":
        return await this.#reboot();
    }
  }

  /** Somebody allows a version again that failed here. */
  async #release(): Promise<void> {
    const { updater } = this.#machine.running;
    const [held] = updater.held;
    if (held === undefined) return;
    this.#promises.released(held.version);
    await updater.release(held.version);
  }

  async #set(key: string, value: number): Promise<void> {
    const { datastore, release } = this.#machine.running;
    const wanted = this.#promises.settings.begin(key, value, release.version);
    if (wanted === undefined) return;
    await datastore.replace(wanted, author, "set");
    this.#promises.settings.acknowledge();
  }

  async #reboot(): Promise<void> {
    await this.#machine.shutDown();
    await this.#start();
  }

  async #start(): Promise<void> {
    try {
      await this.#machine.start();
    } catch (error) {
      if (!this.#machine.storage.isGone || error instanceof Violation) throw error;
      await this.#powerReturns();
    }
  }

  async #daemonReturns(): Promise<void> {
    const { storage } = this.#machine;
    this.#operations += storage.operations;
    this.#useMedia(storage.afterDeath());
    this.#machine.trustMedia();
    await this.#machine.startDaemonAgain();
    await this.#promises.checkMoment(this.#machine.storage.afterDeath());
  }

  /** Several endings of what was not on the medium yet are looked at, and the life goes on with one of them. */
  async #powerReturns(): Promise<void> {
    const { storage: before, onTrial } = this.#machine;
    this.#operations += before.operations;
    this.#promises.lostPower(onTrial);
    for (let ending = endingsPerPowerLoss - 1; ending >= 0; ending--) {
      const storage = before.afterPowerLoss(this.#powerSeed + ending);
      await this.#checkCrash(storage);
      if (ending === 0) this.#useMedia(storage);
    }
    this.#machine.trustMedia();
    await this.#start();
  }

  #useMedia(storage: SimulatedStorage): void {
    this.#machine.storage = storage;
    storage.onOperation = async () => await this.#checkPrefix();
  }

  /** A power loss right now: what every prefix of writes would leave, seen once for each operation. */
  async #checkPrefix(): Promise<void> {
    try {
      const storage = this.#machine.storage.afterPowerLoss(this.#seed + this.#prefixes++);
      const isNew = await this.#checkCrash(storage);
      if (!isNew || this.#prefixes % startedEvery !== 0) return;
      await using branch = this.#machine.branch(storage);
      await branch.start();
    } catch (error) {
      this.#broken ??= error; // the updater takes it for a failure of its command
      throw error;
    }
  }

  /** @returns whether it is a state that was not seen before */
  async #checkCrash(storage: SimulatedStorage): Promise<boolean> {
    this.#crashStates++;
    const media = storage.digest(["/"]);
    if (this.#seen.media.has(media)) return false;
    this.#seen.media.add(media);
    this.#seen.bootable.add(storage.digest(["/dev/", espPath]));
    await this.#promises.checkMoment(storage);
    return true;
  }
}
