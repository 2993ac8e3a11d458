/**
 * What is promised of updates, whatever fails and whenever: a set boots; every set that the loader could ever start
 * holds, byte for byte, a release that was published; the settings are those of one commit; a command that was accepted
 * has an outcome, and what was held stays held; at rest, the newest healthy release runs.
 *
 * It looks at media and at the updater from outside, and keeps of a life what the next look needs.
 */
import { join } from "node:path";
import { Datastore } from "../../../host/datastore/datastore.ts";
import { directoryDisk } from "../../../host/datastore/log/disk.ts";
import { logs } from "../../../host/kept/things.ts";
import { kernelPath, setNames, type SetName } from "../../../host/update/boot/boot-entry.ts";
import { espPath } from "../../../host/update/boot/sets.ts";
import type { UpdateCommand } from "../../../host/update/state.ts";
import type { Updater } from "../../../host/update/updater.ts";
import { blockBytes } from "../../../host/update/write/verity-tree.ts";
import { isFailure } from "../../../lib/failure.ts";
import { compareVersions } from "../../../repo/version.ts";
import { loaderEntries } from "../media/loader.ts";
import type { SimulatedStorage } from "../media/storage.ts";
import { claim } from "./datastore-model.ts";
import { SettingsModel } from "./settings-model.ts";
import type { Lie, UpdateScenario } from "./update-events.ts";
import { fateOf, worldMigrations, type SimulatedRelease, type UpdateWorld } from "./update-world.ts";

const leadsTo = { prepare: "Staged", activate: "Ready", deactivate: "Staged" } as const;

type UpdateStatus = Awaited<ReturnType<Updater["status"]>>;

/** A command that has ended, and what may excuse that it failed, or change what it has to do. */
export type FinishedCommand = {
  command: UpdateCommand;
  status: UpdateStatus;
  storage: SimulatedStorage;
  running: SetName;
  lie: Lie | undefined;
  /** The mirror, the medium and the clock were right before the command and after it. */
  honest: boolean;
  /** Index of the newest release that the mirror has. */
  published: number;
  /** Whether a patch was of no use, though the mirror did not lie. */
  fellBack: boolean;
  /** Whether bytes of the root were fetched that were on the inactive set before. */
  fetchedAgain: boolean;
};

export class UpdatePromises {
  readonly settings: SettingsModel;
  readonly #world: UpdateWorld;
  readonly #scenario: UpdateScenario;
  /** The newest state of the repository that a refresh has accepted. */
  #accepted = 0;
  /** Versions that the updater holds, which nobody has released since. */
  #held = new Set<string>();
  /** The command that was accepted and has no outcome yet, and the time of the outcome before it. */
  #atWork: { command: string; before: string | undefined } | undefined;
  /** Releases that lost power while they were on trial, which nobody can tell from a panic. */
  #cutOnTrial = new Set<string>();

  constructor(world: UpdateWorld, scenario: UpdateScenario, settings = new SettingsModel(worldMigrations)) {
    this.#world = world;
    this.#scenario = scenario;
    this.settings = settings;
  }

  copy(): UpdatePromises {
    const copy = new UpdatePromises(this.#world, this.#scenario, this.settings.copy());
    copy.#accepted = this.#accepted;
    copy.#held = new Set(this.#held);
    copy.#atWork = this.#atWork;
    copy.#cutOnTrial = new Set(this.#cutOnTrial);
    return copy;
  }

  /** What must hold at every moment, whatever comes next. The media are a copy: looking at them changes them. */
  async checkMoment(storage: SimulatedStorage): Promise<void> {
    const entries = loaderEntries(storage, espPath);
    claim(entries.length > 0, "nothing boots");
    for (const { kernel, tries } of entries) {
      const { version } = this.verified(storage, kernel).release;
      claim(tries !== undefined || this.#isHealthy(version), `${version} is not healthy and counts as successful`);
    }
    await using datastore = await Datastore.open(directoryDisk(storage, logs.settings.path), {
      image: "judge",
      clock: { now: () => new Date() },
    });
    this.settings.check(datastore.values);
  }

  /** The set of a kernel, and the release that is on it, byte for byte. */
  verified(storage: SimulatedStorage, kernel: string): { set: SetName; release: SimulatedRelease } {
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

  /** The first byte of a version's root that the inactive set has not, behind the first block. */
  firstMissing(storage: SimulatedStorage, running: SetName, version: string | undefined): number | undefined {
    const image = this.#world.releases.find((release) => release.version === version)?.image;
    const there = storage.content(running === "a" ? "/dev/vda4" : "/dev/vda2");
    if (image === undefined || there === undefined) return undefined;
    const { root } = image;
    let block = 1;
    const isGood = (at: number): boolean =>
      at < root.length && there.subarray(at, at + blockBytes).equals(root.subarray(at, at + blockBytes));
    while (isGood(block * blockBytes)) block++;
    return block * blockBytes;
  }

  /** @param before the time of the last outcome until then */
  commandBegins(command: UpdateCommand, before: string | undefined): void {
    this.#atWork = { command, before };
  }

  commandEnds(): void {
    this.#atWork = undefined;
  }

  /** With an honest mirror and power, a command that is accepted goes well. */
  checkOutcome(finished: FinishedCommand): void {
    const { command, status, storage, running, lie, honest, published, fetchedAgain, fellBack } = finished;
    const { cmd_status: outcome, stderr } = status.most_recent_command;
    claim(outcome === "Success" || !honest, `${command} fails without a reason: ${stderr}`);
    claim(!fellBack || !honest, "a patch that was as signed was of no use");
    if (outcome !== "Success") return;
    if (command === "refresh") {
      claim(lie !== "old" || this.#accepted === 0, "metadata that is older than what was accepted is believed");
      this.#accepted = lie === "old" ? 0 : published;
    } else {
      claim(!fetchedAgain, "bytes that are there already were fetched again");
      claim(status.update_state === leadsTo[command], `${command} leads to ${status.update_state}`);
    }
    const [first] = loaderEntries(storage, espPath);
    const isNext = first?.kernel === kernelPath(running);
    claim(status.active_partition?.next_to_boot === isNext, "the status is wrong about what boots next");
  }

  /** What was held stays held, and a command that was interrupted has an outcome. */
  async checkRemembered(updater: Updater): Promise<void> {
    const held = new Set(updater.held.map(({ version }) => version));
    for (const version of this.#held) claim(held.has(version), `${version} failed here and is not held any more`);
    this.#held = held;
    if (this.#atWork === undefined) return;
    const { command, before } = this.#atWork;
    const last = await lastCommand(updater);
    const isReported = last?.cmd_type === command && last.timestamp !== before;
    claim(isReported, `nothing is told of a ${command} that the daemon did not survive`);
    this.#atWork = undefined;
  }

  released(version: string): void {
    this.#held.delete(version);
  }

  lostPower(onTrial: string | undefined): void {
    if (onTrial !== undefined) this.#cutOnTrial.add(onTrial);
  }

  /** With nothing left to do, the newest release runs that is not held, and none is held that deserved better. */
  checkRest(updater: Updater, running: string, published: number): void {
    const held = new Set(updater.held.map(({ version }) => version));
    const offered = this.#world.releases.slice(0, published + 1).map(({ version }) => version);
    const best = offered
      .filter((version) => !held.has(version))
      .toSorted(compareVersions)
      .at(-1);
    const newest = [best ?? "none", running].toSorted(compareVersions).at(-1);
    claim(running === newest, `${running} runs, not ${newest}`);
    for (const version of held) {
      const failed = !this.#isHealthy(version) || this.#cutOnTrial.has(version);
      claim(failed, `${version} is held, and is healthy and had power while it was on trial`);
    }
  }

  #isHealthy(version: string): boolean {
    const fate = fateOf(this.#world, this.#scenario, version);
    return fate !== "panics" && fate !== "unhealthy";
  }
}

/** Undefined while nothing is known. */
export async function lastCommand(updater: Updater): Promise<{ cmd_type: string; timestamp: string } | undefined> {
  return (await statusOf(updater))?.most_recent_command;
}

/** Undefined while nothing is known, or while a command runs. */
export async function statusOf(updater: Updater): Promise<UpdateStatus | undefined> {
  try {
    return await updater.status();
  } catch (error) {
    if (isFailure(error, "no-update-status", "update-busy")) return undefined;
    throw error;
  }
}
