/**
 * The updater: looks for updates, writes one to the inactive set, makes it boot next, takes that back.
 *
 * One command runs at a time. A command that is accepted goes on by itself; its outcome is in the status. Effects come
 * first, then what is remembered, then what is announced; where disk and memory differ, the disk is right.
 */
import type { UpdateExplanation, LastUpdate, UpdateStatusBody } from "../../api/status.ts";
import { abortable } from "../../lib/abortable.ts";
import { explain, Failure } from "../../lib/failure.ts";
import { Place } from "../../lib/place.ts";
import { chosenExtensions } from "../extensions/standing.ts";
import { otherSet } from "./boot/boot-entry.ts";
import { assertProved, findSets, isProved, requireSets } from "./boot/sets.ts";
import type { Standings } from "./boot/signpost.ts";
import { activate, deactivate, noUpdate, prepare, refresh } from "./commands.ts";
import { explanationOf } from "./explanation.ts";
import { ProgressRate } from "./fetch/progress-rate.ts";
import { removeCopies } from "./fetch/tuf-state.ts";
import { renewTerms } from "./judge/current-terms.ts";
import { noticeReturn } from "./judge/notice-return.ts";
import { readFindings } from "./judge/trial-findings.ts";
import { KeptMemory } from "./kept-memory.ts";
import { foreignModules } from "./module-kit.ts";
import { RepositoryLooks } from "./look.ts";
import type { FailedVersion } from "./memory.ts";
import { lastUpdateOf } from "./last-update.ts";
import { assertAllowed, type UpdateCommand, type UpdateState, updateState } from "./state.ts";
import { updateStatusOf, type Working } from "./update-status.ts";
import type { UpdaterHost } from "./updater-host.ts";
import type { WriteProgress } from "./write/write-image.ts";

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

export class Updater implements AsyncDisposable {
  readonly #host: UpdaterHost;
  readonly #stop = new AbortController();
  /** The version that this host came back from, when this start was the first to notice. */
  returnedFrom: FailedVersion | undefined;
  readonly #memory: KeptMemory;
  readonly #looks: RepositoryLooks;
  /** One command or release at a time. */
  readonly #place = new Place<UpdateCommand | Deed>(
    (work) => new Failure("update-busy", `cannot do that now: another update command (${work}) is at work`),
  );
  /** What a command at work moves. */
  #moving: { step: Working["step"]; totalBytes: number; rate: ProgressRate } | undefined;
  #work: Promise<void> = Promise.resolve();
  #explaining: Promise<UpdateExplanation> | undefined;

  private constructor(host: UpdaterHost, memory: KeptMemory) {
    this.#host = host;
    this.#memory = memory;
    this.#looks = new RepositoryLooks(host, memory);
  }

  /** Notices a version that this host came back from since the last time. */
  static async open(host: UpdaterHost): Promise<Updater> {
    const memory = await KeptMemory.open(host.system);
    const updater = new Updater(host, memory);
    // A command that the daemon before this one did not finish has an outcome too.
    const { running } = memory.current;
    if (running !== undefined) await memory.ended(running.command, interrupted(running.command));
    try {
      await removeCopies(host.system);
    } catch (error) {
      host.system.log.error("update: cannot remove copies of metadata that were left", error);
    }
    try {
      const standings = await updater.#standings();
      if (standings !== undefined) {
        await noticeReturn(host.system, memory, standings, (version) => (updater.returnedFrom = version));
      }
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
    const place = this.#place.acquire(command);
    try {
      assertAllowed(command, await this.#state());
      if (command === "prepare") {
        if (this.#memory.current.chosen === undefined) throw noUpdate();
        assertProved(await (await requireSets(this.#host.system)).signpost.read());
      }
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
    await this.#memory.began(command);
    this.#work = this.#run(command, place, version);
  }

  /**
   * The version before, which proved healthy here once, boots next.
   *
   * @throws {Failure<"inactive-will-not-boot" | "update-busy" | "no-partition-sets">}
   */
  async goBack(): Promise<void> {
    using _work = this.#place.acquire("go-back");
    await (await requireSets(this.#host.system)).signpost.rollbackToInactive();
  }

  async outlook(): Promise<UpdateOutlook> {
    const standings = await this.#standings();
    const inactive = standings?.entries[otherSet(standings.active)];
    return {
      state: await this.#state(standings),
      onTrial: !isProved(standings),
      fallback: inactive?.standing.kind === "successful" ? inactive.version : undefined,
      working: this.#progress(),
      failure: this.#memory.current.last?.failure,
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
    const standings = await this.#standings();
    const facts = { memory: this.#memory.current, standings, running: this.#host.running, working: this.#progress() };
    const status = updateStatusOf(await this.#state(standings), facts);
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
    return this.#memory.current.held.map(({ version, at, reason }) => ({ version, at, reason }));
  }

  /** How far the last update is. Never rejects: that it cannot be told is an answer too. */
  async lastUpdate(): Promise<LastUpdate | undefined> {
    const { work } = this.#place;
    try {
      return lastUpdateOf({
        running: this.#host.running.version,
        standings: await this.#standings(),
        held: this.#memory.current.held,
        findings: await readFindings(this.#host.system),
        elapsedMs: this.#host.system.clock.elapsedMs(),
        command: work === undefined || isDeed(work) ? undefined : work,
      });
    } catch (error) {
      this.#host.system.log.error("update: cannot tell how far the last update is", error);
      return { stage: "unknown", reason: explain(error) };
    }
  }

  /** Looks into the repository without choosing anything. @throws as a refresh */
  async explain(signal: AbortSignal): Promise<UpdateExplanation> {
    // Whoever asks meanwhile gets the same answer: the repository is not asked more often than it answers.
    this.#explaining ??= this.#explained().finally(() => (this.#explaining = undefined));
    return await abortable(this.#explaining, signal);
  }

  async #explained(): Promise<UpdateExplanation> {
    const look = await this.#looks.look(this.#stop.signal);
    const { running, system } = this.#host;
    const modules = await foreignModules(system);
    const extensions = chosenExtensions(this.#host.settings());
    return explanationOf(look, {
      running,
      proved: isProved(await this.#standings()),
      held: this.held,
      modules,
      extensions,
    });
  }

  /**
   * Lets a version that failed here be tried again.
   *
   * @throws {Failure<"no-such-hold" | "update-busy">}
   */
  async release(version: string): Promise<void> {
    using _work = this.#place.acquire("release");
    this.#memory.assertHeld(version);
    const sets = await findSets(this.#host.system);
    const standings = await sets?.signpost.read();
    const left = sets === undefined ? undefined : standings?.entries[sets.inactive.set];
    // Its used-up entry would otherwise be noticed again at the next start.
    if (left?.version === version && left.standing.kind === "trying") await sets?.signpost.clearInactive();
    await this.#memory.release(version);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Failure("stopping", "the daemon is stopping"));
    await this.#work;
  }

  /** Never rejects: the outcome is part of the status. */
  async #run(command: UpdateCommand, place: Disposable, version: string | undefined): Promise<void> {
    using _work = place;
    const { system } = this.#host;
    let failure: unknown;
    try {
      await this.#command(command, version);
    } catch (error) {
      failure = error;
      system.log.error(`update: ${command} failed`, error);
    }
    const stopped = failure !== undefined && this.#stop.signal.aborted;
    await this.#memory.ended(
      command,
      stopped ? interrupted(command) : failure === undefined ? undefined : explain(failure),
    );
    this.#moving = undefined;
  }

  async #command(command: UpdateCommand, version: string | undefined): Promise<void> {
    const work = { host: this.#host, memory: this.#memory, looks: this.#looks, signal: this.#stop.signal };
    switch (command) {
      case "refresh":
        return await refresh(work, version);
      case "prepare":
        return await prepare(work, (progress) => this.#progressed(progress));
      case "activate":
        return await activate(work);
      case "deactivate":
        return await deactivate(work);
    }
  }

  /**
   * Up to its start, an update that is ready is promised to be judged by the settings of the moment, and by how this
   * host does. Never rejects: what was promised before holds then.
   */
  async renewTerms(): Promise<void> {
    await renewTerms(this.#host, async () => await this.#state(), this.#stop.signal);
  }

  async #standings(): Promise<Standings | undefined> {
    return await (await findSets(this.#host.system))?.signpost.read();
  }

  async #state(standings?: Standings): Promise<UpdateState> {
    const { version: _running, ...machines } = this.#host.running;
    return updateState(standings ?? (await this.#standings()), this.#memory.current.chosen?.image, machines);
  }

  #progress(): Working | undefined {
    const command = this.#place.work;
    if (command === undefined || isDeed(command)) return undefined;
    if (this.#moving === undefined) return { command, step: "look", pace: undefined };
    const { step, totalBytes, rate } = this.#moving;
    return { command, step, pace: rate.pace(totalBytes) };
  }

  #progressed({ step, doneBytes, totalBytes }: WriteProgress): void {
    if (step !== this.#moving?.step) this.#moving = { step, totalBytes, rate: new ProgressRate() };
    this.#moving.totalBytes = totalBytes; // more when a patch is of no use
    this.#moving.rate.note(this.#host.system.clock.elapsedMs(), doneBytes);
  }
}

function interrupted(command: UpdateCommand): string {
  return `interrupted: the host's daemon ended before ${command} was done; run it again`;
}
