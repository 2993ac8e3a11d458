/**
 * The updater: looks for updates, writes one to the inactive set, makes it boot next, takes that back.
 *
 * One command runs at a time. A command that is accepted goes on by itself; its outcome is in the status. Effects come
 * first, then what is remembered, then what is announced; where disk and memory differ, the disk is right.
 */
import { stat } from "node:fs/promises";
import { defined } from "../../lib/defined.ts";
import { afterFailure, explain, Failure } from "../../lib/failure.ts";
import { Place, Turns } from "../../lib/place.ts";
import { isFor, type Manifest, wavesOfUpdate } from "../../repo/manifest.ts";
import type { UpdateExplanation, UpdateStage, UpdateStatusBody } from "../../api/status.ts";
import type { Settings } from "../../settings/groups/group.ts";
import type { Ailment } from "../machine/ailment.ts";
import type { Values } from "../datastore/change.ts";
import { kept } from "../kept/things.ts";
import { rehearse } from "../migrations/rehearse.ts";
import { hostPath, type System } from "../machine/system.ts";
import { available, chosen as chosenOf, describeHold, judge, type HostView, type JudgedVersion } from "./choice.ts";
import { mirrorOf, wishesOf } from "./fetch/host-mirror.ts";
import { removeRecords } from "./judge/last-words.ts";
import { heldLimit, nothingKnown, type Chosen, type Held, type Memory } from "./memory.ts";
import { publishedMigrations } from "./fetch/published-migrations.ts";
import { ProgressRate } from "./fetch/progress-rate.ts";
import { assertProved, bootInactiveNext, findSets, isProved, requireSets, stateOf } from "./boot/sets.ts";
import { otherSet } from "./boot/boot-entry.ts";
import type { Sets } from "./boot/signpost.ts";
import { readFindings } from "./judge/trial-findings.ts";
import { stageOf } from "./stage.ts";
import { assertAllowed, type UpdateImage, type UpdateCommand, type UpdateState } from "./state.ts";
import { keepTerms, type NewTerms } from "./judge/terms.ts";
import { refreshTrust, type Target, type TrustedRepository } from "./fetch/trusted-repository.ts";
import { removeCopies } from "./fetch/tuf-state.ts";
import { updateStatusOf, type Working } from "./update-status.ts";
import { explained, panicBefore, returnedFrom } from "./judge/went-back.ts";
import { writeImage, writeSize, type WriteSize } from "./write/write-image.ts";

/** A reboot waits for it. */
const termsMs = 10_000;

/** What takes the place of a command for a moment, and is no command of Bottlerocket's. */
type Deed = "release" | "go-back";
const isDeed = (work: UpdateCommand | Deed): work is Deed => work === "release" || work === "go-back";

/** How a host stands to its updates, as its disk and its memory tell without asking anybody. */
export type UpdateOutlook = {
  state: UpdateState;
  /** The running version has not proved healthy yet. */
  onTrial: boolean;
  /** The version on the inactive set, where that proved healthy once. */
  fallback: string | undefined;
  working: Working | undefined;
  /** Why the last command failed. */
  failure: string | undefined;
  held: { version: string; at: string; reason: string }[];
};

export type UpdaterHost = {
  system: System;
  /** What this host runs. */
  running: UpdateImage;
  settings: () => Settings;
  /** What somebody set, for the rehearsal of migrations. */
  values: () => Values;
  /** What is wrong with this host now, apart from what settings ask for by name; rejects only when the signal aborts. */
  ailments: (signal: AbortSignal) => Promise<Ailment[]>;
  /** Smaller for partitions of a few blocks, in simulations. */
  writeSize?: WriteSize;
};

export class Updater implements AsyncDisposable {
  readonly #host: UpdaterHost;
  readonly #stop = new AbortController();
  /** The version that this host came back from, when this start was the first to notice. */
  returnedFrom: Held | undefined;
  #memory: Memory;
  /** One command or release at a time. */
  readonly #place = new Place<UpdateCommand | Deed>(
    (work) => new Failure("update-busy", `cannot do that now: another update command (${work}) is at work`),
  );
  /** What a command at work moves. */
  #moving: { step: Working["step"]; totalBytes: number; rate: ProgressRate } | undefined;
  #work: Promise<void> = Promise.resolve();
  readonly #looks = new Turns();

  private constructor(host: UpdaterHost, memory: Memory) {
    this.#host = host;
    this.#memory = memory;
  }

  /** Notices a version that this host came back from since the last time. */
  static async open(host: UpdaterHost): Promise<Updater> {
    const updater = new Updater(host, (await kept.updates.read(host.system)) ?? nothingKnown);
    await updater.#noticeInterruption();
    try {
      await removeCopies(host.system);
    } catch (error) {
      host.system.log.error("update: cannot remove copies of metadata that were left", error);
    }
    try {
      await updater.#noticeReturn();
    } catch (error) {
      // The daemon serves the API whatever the boot entries look like.
      host.system.log.error("update: cannot tell whether this host went back from an update", error);
    }
    return updater;
  }

  /**
   * Begins a command; resolves when it is accepted.
   *
   * @param version the one that a refresh is to choose, provided that nothing holds it
   * @throws {Failure<"update-busy" | "update-not-allowed" | "no-update" | "update-on-trial" | "no-partition-sets">}
   */
  async start(command: UpdateCommand, version?: string): Promise<void> {
    const held = this.#place.acquire(command);
    try {
      assertAllowed(command, await this.#state());
      if (command === "prepare") {
        if (this.#memory.chosen === undefined) throw noUpdate();
        assertProved(await (await requireSets(this.#host.system)).signpost.read());
      }
    } catch (error) {
      held[Symbol.dispose]();
      throw error;
    }
    await this.#note({ ...this.#memory, running: { command, at: this.#host.system.clock.now().toISOString() } });
    this.#work = this.#run(command, held, version);
  }

  /**
   * The version before, which proved healthy here once, boots next.
   *
   * @throws {Failure<"inactive-will-not-boot" | "update-busy" | "no-partition-sets">}
   */
  async goBack(): Promise<void> {
    using _held = this.#place.acquire("go-back");
    await (await requireSets(this.#host.system)).signpost.rollbackToInactive();
  }

  async outlook(): Promise<UpdateOutlook> {
    const sets = await this.#sets();
    const inactive = sets?.entries[otherSet(sets.active)];
    return {
      state: await this.#state(sets),
      onTrial: !isProved(sets),
      fallback: inactive?.standing.kind === "successful" ? inactive.version : undefined,
      working: this.#progress(),
      failure: this.#memory.last?.failure,
      held: this.held,
    };
  }

  /** @throws {Failure<"update-busy">} while a command runs */
  assertFree(): void {
    this.#place.assertFree();
  }

  /** Resolves when no command runs any more. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** @throws {Failure<"no-update-status" | "update-busy">} before the first command, and while that runs */
  async status(): Promise<UpdateStatusBody> {
    const sets = await this.#sets();
    const facts = { memory: this.#memory, sets, running: this.#host.running, working: this.#progress() };
    const status = updateStatusOf(await this.#state(sets), facts);
    if (status === undefined) {
      this.assertFree();
      throw new Failure("no-update-status", "cannot tell the status of updates: this host has never looked for any", {
        hint: "run `apiclient update check`",
      });
    }
    return status;
  }

  /** Versions that were started here and did not prove healthy, the newest failure last. */
  get held(): { version: string; at: string; reason: string }[] {
    return this.#memory.held.map(({ version, at, reason }) => ({ version, at, reason }));
  }

  /** How far the last update is. Never rejects: that it cannot be told is an answer too. */
  async stage(): Promise<UpdateStage | undefined> {
    const { work } = this.#place;
    try {
      return stageOf({
        running: this.#host.running.version,
        sets: await this.#sets(),
        held: this.#memory.held,
        findings: await readFindings(this.#host.system),
        command: work === undefined || isDeed(work) ? undefined : work,
      });
    } catch (error) {
      this.#host.system.log.error("update: cannot tell how far the last update is", error);
      return { stage: "unknown", reason: explain(error) };
    }
  }

  /** Looks into the repository without choosing anything. @throws as a refresh */
  async explain(signal: AbortSignal): Promise<UpdateExplanation> {
    const { trusted, judgements, view } = await this.#look(AbortSignal.any([signal, this.#stop.signal]));
    const sets = await this.#sets();
    const version = chosenOf(judgements);
    return {
      running: this.#host.running,
      proved: isProved(sets),
      seed: view.seed,
      ...defined({ chosen: version }),
      versions: judgements.map((judgement) => ({
        version: judgement.version,
        ...releasedAt(updateIn(trusted.manifest, this.#host.running, judgement.version)),
        holds: judgement.holds.map((hold) => ({
          kind: hold.kind,
          // oxlint-disable-next-line id-denylist -- the name in the API
          says: describeHold(hold),
          ...(hold.kind === "wave" ? { opensAt: hold.opensAt.toISOString() } : {}),
        })),
      })),
      held: this.held,
      checkedAt: view.now.toISOString(),
      metadataExpires: trusted.expires.toISOString(),
    };
  }

  /**
   * Lets a version that failed here be tried again.
   *
   * @throws {Failure<"no-such-hold" | "update-busy">}
   */
  async release(version: string): Promise<void> {
    using _held = this.#place.acquire("release");
    if (!this.#memory.held.some((held) => held.version === version)) {
      const known = this.#memory.held.map((held) => held.version).join(", ");
      throw new Failure("no-such-hold", `cannot release ${version}: it is not held back on this host`, {
        hint: `held back: ${known === "" ? "nothing" : known}`,
      });
    }
    const sets = await findSets(this.#host.system);
    const boots = await sets?.signpost.read();
    const left = sets === undefined ? undefined : boots?.entries[sets.inactive.set];
    // Its used-up entry would otherwise be noticed again at the next start.
    if (left?.version === version && left.standing.kind === "trying") await sets?.signpost.clearInactive();
    await this.#remember({ ...this.#memory, held: this.#memory.held.filter((held) => held.version !== version) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Failure("stopping", "the daemon is stopping"));
    await this.#work;
  }

  /** The hold first: what happened to the version is only told, but that it is not tried again must not hang on it. */
  async #noticeReturn(): Promise<void> {
    const { system } = this.#host;
    const sets = await this.#sets();
    if (sets === undefined) return;
    const failed = returnedFrom(sets, this.#memory.held, system.clock.now());
    if (failed !== undefined) await this.#hold(failed);
    const panic = await panicBefore(system, sets);
    const unexplained = this.#memory.held.find((held) => held.unexplained === true);
    if (unexplained !== undefined) {
      const explanation = await explained(system, sets, unexplained, panic?.reason);
      this.returnedFrom = explanation;
      system.log.info(`update: went back from ${explanation.version}: ${explanation.reason}`);
      const held = this.#memory.held.map((each) => (each === unexplained ? explanation : each));
      await this.#remember({ ...this.#memory, held });
    }
    if (panic !== undefined) await removeRecords(system, panic);
  }

  /** A command that the daemon before this one did not finish has an outcome too. */
  async #noticeInterruption(): Promise<void> {
    const { running } = this.#memory;
    if (running !== undefined) await this.#ended(running.command, interrupted(running.command));
  }

  async #hold(failed: Held): Promise<void> {
    const { chosen, ...rest } = this.#memory;
    const stays = chosen === undefined || chosen.image.version === failed.version ? {} : { chosen };
    this.returnedFrom = failed;
    await this.#note({ ...rest, ...stays, held: [...rest.held, failed] });
  }

  /** Never rejects: the outcome is part of the status. */
  async #run(command: UpdateCommand, place: Disposable, version: string | undefined): Promise<void> {
    using _held = place;
    const { system } = this.#host;
    let failure: unknown;
    try {
      await this.#command(command, version);
    } catch (error) {
      failure = error;
      system.log.error(`update: ${command} failed`, error);
    }
    const stopped = failure !== undefined && this.#stop.signal.aborted;
    await this.#ended(command, stopped ? interrupted(command) : failure === undefined ? undefined : explain(failure));
    this.#moving = undefined;
  }

  /** @param failure why it failed; absent when it went well */
  async #ended(command: UpdateCommand, failure: string | undefined): Promise<void> {
    const { running: _, ...rest } = this.#memory;
    const last = { command, at: this.#nextTime(), ...defined({ failure }) };
    await this.#note({ ...rest, last });
  }

  /** Clients know a new result by its time, so it is later than the last one's, whatever the clock does. */
  #nextTime(): string {
    const { last } = this.#memory;
    const afterLastMs = last === undefined ? 0 : Date.parse(last.at) + 1;
    return new Date(Math.max(this.#host.system.clock.now().getTime(), afterLastMs)).toISOString();
  }

  async #command(command: UpdateCommand, version: string | undefined): Promise<void> {
    switch (command) {
      case "refresh":
        return await this.#refresh(version);
      case "prepare":
        return await this.#prepare();
      case "activate":
        return await this.#activate();
      case "deactivate":
        return await (await requireSets(this.#host.system)).signpost.cancelUpgrade();
    }
  }

  async #refresh(wanted: string | undefined): Promise<void> {
    const { chosen: _forgotten, ...rest } = this.#memory;
    try {
      const { trusted, judgements, view } = await this.#look(this.#stop.signal);
      const version = wanted === undefined ? chosenOf(judgements) : freeVersion(judgements, wanted);
      const chosen = version === undefined ? undefined : this.#chosenIn(trusted, version);
      await this.#remember({
        ...rest,
        ...defined({ chosen }),
        available: available(judgements),
        checked: { at: view.now.toISOString(), expires: trusted.expires.toISOString() },
      });
    } catch (error) {
      throw await afterFailure(error, async () => {
        await this.#note({ ...rest, available: [] });
      });
    }
  }

  async #prepare(): Promise<void> {
    const { system, running: here } = this.#host;
    const { signal } = this.#stop;
    const { version: running } = here;
    const chosen = this.#memory.chosen;
    if (chosen === undefined) throw noUpdate();
    const { version } = chosen.image;
    const { trusted, judgements } = await this.#look(signal, version);
    const judgement = judgements.find((each) => each.version === version);
    const recalled = judgement?.holds.find(({ kind }) => kind === "above-maximum" || kind === "failed-before");
    const same = judgement !== undefined && Bun.deepEquals(this.#chosenIn(trusted, version), chosen);
    if (!same || recalled !== undefined) {
      const reason =
        recalled === undefined ? "the repository offers it no more, or other files" : describeHold(recalled);
      throw new Failure("chosen-changed", `cannot write ${version}, which was chosen: ${reason}`, {
        hint: "run `apiclient update check` to choose anew",
      });
    }
    const mirror = await this.#mirror(version);
    const migrations = await publishedMigrations(system, mirror, trusted, { from: running, to: version }, signal);
    await rehearse(system, this.#host.values(), { running, target: version }, migrations);
    const { signpost, inactive } = await requireSets(system);
    await signpost.clearInactive();
    await this.#remember({ ...this.#memory, brings: { version, migrations } });
    const job = { mirror, targets: chosen.targets, ...inactive, size: this.#host.writeSize ?? writeSize };
    await writeImage(
      system,
      job,
      ({ step, doneBytes, totalBytes }) => {
        if (step !== this.#moving?.step) this.#moving = { step, totalBytes, rate: new ProgressRate() };
        this.#moving.rate.note(system.clock.elapsedMs(), doneBytes);
      },
      signal,
    );
    await signpost.markInactiveValid(version, wishesOf(this.#host.settings()).tries);
    system.log.info(`update: ${version} is on set ${inactive.set.toUpperCase()}, read back and verified`);
  }

  /** Settings may have changed since the image was written, so their way is tried once more. */
  async #activate(): Promise<void> {
    const { system, running } = this.#host;
    const { signpost, inactive } = await requireSets(system);
    const staged = (await signpost.read()).entries[inactive.set]?.version;
    const { brings } = this.#memory;
    if (staged !== undefined && brings?.version === staged) {
      await rehearse(system, this.#host.values(), { running: running.version, target: staged }, brings.migrations);
    }
    await bootInactiveNext(system, await this.#terms());
  }

  /**
   * Up to its start, an update that is ready is promised to be judged by the settings of the moment, and by how this
   * host does. Never rejects: what was promised before holds then.
   */
  async renewTerms(): Promise<void> {
    const { system } = this.#host;
    try {
      const state = await this.#state();
      if (state.kind !== "ready") return;
      const terms = await this.#terms();
      if (terms !== undefined) await keepTerms(system, state.staged.version, terms);
    } catch (error) {
      system.log.error("update: cannot note anew how this host does before the update", error);
    }
  }

  /** Undefined when it cannot be told in time how this host does: an update is held to everything then. */
  async #terms(): Promise<NewTerms | undefined> {
    const { system, settings, ailments } = this.#host;
    try {
      const { health } = settings().updates;
      return { health, ailments: await ailments(AbortSignal.any([this.#stop.signal, AbortSignal.timeout(termsMs)])) };
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      system.log.error("update: cannot tell how this host does before the update", error);
      return undefined;
    }
  }

  async #look(
    signal: AbortSignal,
    target?: string,
  ): Promise<{ trusted: TrustedRepository; judgements: JudgedVersion[]; view: HostView }> {
    const { system, running } = this.#host;
    const { mtime: builtAt } = await stat(hostPath(system, "/usr/lib/os-release"));
    const mirror = await this.#mirror(target);
    // Each compares with what was accepted before it, and writes what it accepts.
    const trusted = await this.#looks.next(async () => await refreshTrust(system, mirror, builtAt, signal));
    const wishes = wishesOf(this.#host.settings());
    const failed = this.#memory.held.map(({ version, at, reason }) => ({ version, at: new Date(at), reason }));
    const { version, ...machines } = running;
    const view: HostView = { ...machines, running: version, ...wishes, failed, now: system.clock.now() };
    return { trusted, judgements: judge(trusted.manifest, view), view };
  }

  async #mirror(target?: string) {
    const { system, running } = this.#host;
    const settings = this.#host.settings();
    const query = { version: running.version, seed: String(wishesOf(settings).seed) };
    return await mirrorOf(system, settings, target === undefined ? query : { ...query, target });
  }

  /** @throws {Failure<"bad-manifest">} when the manifest names files that the repository does not sign */
  #chosenIn(trusted: TrustedRepository, version: string): Chosen {
    const { variant, arch } = this.#host.running;
    const { images } = updateIn(trusted.manifest, this.#host.running, version);
    const target = (name: string): Target => {
      const signed = trusted.target(name);
      if (signed !== undefined) return signed;
      throw new Failure(
        "bad-manifest",
        `cannot take ${version}: the manifest names ${name}, which is no signed target`,
      );
    };
    const targets = { boot: target(images.boot), root: target(images.root), hash: target(images.hash) };
    return { image: { version, variant, arch }, targets };
  }

  async #sets(): Promise<Sets | undefined> {
    return await (await findSets(this.#host.system))?.signpost.read();
  }

  async #state(sets?: Sets): Promise<UpdateState> {
    const { version: _running, ...machines } = this.#host.running;
    return stateOf(sets ?? (await this.#sets()), this.#memory.chosen?.image, machines);
  }

  #progress(): Working | undefined {
    const command = this.#place.work;
    if (command === undefined || isDeed(command)) return undefined;
    if (this.#moving === undefined) return { command, step: "look", pace: undefined };
    const { step, totalBytes, rate } = this.#moving;
    return { command, step, pace: rate.pace(totalBytes) };
  }

  async #remember(memory: Memory): Promise<void> {
    const limited = { ...memory, held: memory.held.slice(-heldLimit) };
    await kept.updates.replace(this.#host.system, limited);
    this.#memory = limited;
  }

  /** Counts as long as this daemon runs, also when the disk takes nothing more. */
  async #note(memory: Memory): Promise<void> {
    this.#memory = memory;
    try {
      await this.#remember(memory);
    } catch (error) {
      this.#host.system.log.error("update: cannot keep what is known of updates", error);
    }
  }
}

function updateIn(manifest: Manifest, machines: UpdateImage, version: string): Manifest["updates"][number] {
  const update = manifest.updates.find((each) => isFor(each, machines) && each.version === version);
  if (update === undefined) throw new Error(`bug: ${version} was chosen and is not in the manifest`);
  return update;
}

/** When the first wave of a version began; waves are what tells that. */
function releasedAt(update: Manifest["updates"][number]): { releasedAt?: string } {
  const starts = wavesOfUpdate(update).map(({ start }) => start.getTime());
  return starts.length === 0 ? {} : { releasedAt: new Date(Math.min(...starts)).toISOString() };
}

/** @throws {Failure<"version-held">} */
function freeVersion(judgements: readonly JudgedVersion[], wanted: string): string {
  const holds = judgements.find(({ version }) => version === wanted)?.holds;
  if (holds?.length === 0) return wanted;
  const why = holds === undefined ? "the repository does not have it" : holds.map(describeHold).join("; ");
  throw new Failure("version-held", `cannot choose ${wanted}: ${why}`);
}

function interrupted(command: UpdateCommand): string {
  return `interrupted: the host's daemon ended before ${command} was done; run it again`;
}

function noUpdate(): Failure<"no-update"> {
  return new Failure("no-update", "cannot prepare an update: none is chosen", { hint: "run `apiclient update check`" });
}
