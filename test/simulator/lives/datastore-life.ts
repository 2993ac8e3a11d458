/**
 * One simulated life of a datastore: the real `Datastore` on a simulated disk, against a model of what it promised.
 *
 * After every start: it opens; its settings are those of one committed version, the last acknowledged one or a later
 * one; nothing is pending; the chain verifies; the history is what happened.
 */
import { isDeepStrictEqual } from "node:util";
import { revert, withStaged, type Change, type Values } from "../../../host/datastore/change.ts";
import { Datastore, type Committed } from "../../../host/datastore/datastore.ts";
import { isFailure, unreachable } from "../../../lib/failure.ts";
import type { Json } from "../../../lib/text/json.ts";
import { Random } from "../random.ts";
import { damage } from "./damage.ts";
import { checkFiles } from "./datastore-files.ts";
import type { Damage, Event, Scenario } from "./datastore-events.ts";
import { claim, DatastoreModel, Violation, type Known } from "./datastore-model.ts";
import { SimulatedDisk } from "../media/disk.ts";
import { liveThrough } from "./life.ts";

export type DatastoreLifeOutcome = {
  crashStates: number;
  operations: number;
  failed?: { event: number; error: unknown };
};

/** A power loss can end in many ways; each looks at so many and goes on with the first. */
const endingsPerPowerLoss = 4;

const author = { kind: "host", part: "simulator" } as const;
const allHistory = 1_000_000;
/** More than an event can commit. */
const recentHistory = 8;
/** Reading former settings back is slow, so not every version is asked for. */
const looksBack = 4;

export async function runScenario(scenario: Scenario): Promise<DatastoreLifeOutcome> {
  const life = new Life(scenario);
  return await liveThrough(life, scenario.events);
}

class Life {
  readonly #scenario: Scenario;
  readonly #model = new DatastoreModel();
  readonly #pending = new Map<string, Map<string, Json | undefined>>();
  #disk: SimulatedDisk;
  #store: Datastore | undefined;
  #seconds = 0;
  #clockWrongMs = 0;
  #powerSeed = 0;
  #crashStates = 0;
  #operations = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#disk = new SimulatedDisk(scenario.seed);
  }

  counts(): { crashStates: number; operations: number } {
    return { crashStates: this.#crashStates, operations: this.#operations + this.#disk.operations };
  }

  async begin(): Promise<void> {
    this.#store = await this.#open(this.#disk);
  }

  async live(event: Event): Promise<void> {
    try {
      await this.#happen(event);
    } catch (error) {
      // A failure while the power goes proves nothing; a claim that does not hold always counts.
      if (!this.#disk.powerIsLost || error instanceof Violation) throw error;
    }
    if (this.#disk.powerIsLost) await this.#powerReturns();
    else this.#checkSettings();
  }

  /** Whatever happened: with a disk that works again, the store does. */
  async end(): Promise<void> {
    this.#disk.refuse(undefined);
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.#disk.cutPowerAfter(Number.POSITIVE_INFINITY);
    await this.#replace(new Map([["settings.motd", `the end of ${this.#scenario.seed}`]]), true);
    await this.#restart();
    await this.#lookBack();
  }

  async #happen(event: Event): Promise<void> {
    switch (event.kind) {
      case "stage":
        return this.#stage(event.transaction, event.changes);
      case "commit":
        return this.#commit(event.transactions);
      case "drop": {
        const keys = [...(this.#pending.get(event.transaction)?.keys() ?? [])].toSorted();
        claim(isDeepStrictEqual(this.#opened().drop(event.transaction), keys), "dropped other keys than were staged");
        this.#pending.delete(event.transaction);
        return;
      }
      case "undo":
        return this.#undo(event.age);
      case "restore":
        return this.#restore(event.age);
      case "mark-good-boot":
        return this.#markGoodBoot();
      case "look-back":
        return this.#lookBack();
      case "step-clock":
        this.#clockWrongMs = event.hours * 3_600_000;
        return;
      case "restart":
        return this.#restart();
      case "cut-power":
        this.#powerSeed = event.seed;
        return this.#disk.cutPowerAfter(event.after);
      case "refuse":
        return this.#disk.refuse({ after: event.after, times: event.times, code: event.code });
      case "fill-disk":
        this.#disk.capacityBytes = this.#disk.usedBytes + event.freeBytes;
        return;
      case "free-disk":
        this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
        return;
      case "damage":
        return this.#damage(event.seed, event.how);
      default:
        return unreachable(event);
    }
  }

  #stage(transaction: string, changes: readonly (readonly [string, Json])[]): void {
    const staged = new Map(changes.map(([key, value]) => [key, value ?? undefined]));
    this.#opened().stage(transaction, staged);
    this.#pending.set(transaction, new Map([...(this.#pending.get(transaction) ?? []), ...staged]));
  }

  async #commit(transactions: readonly string[]): Promise<void> {
    const asked = transactions.flatMap((name) => {
      const staged = this.#pending.get(name);
      return staged === undefined ? [] : { name, staged, commit: this.#opened().commit(name, author, "commit") };
    });
    const outcomes = await Promise.allSettled(asked.map(({ commit }) => commit));
    let possible: Values[] = [this.#model.current.values];
    for (const [index, { name, staged }] of asked.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status === "fulfilled") {
        const { version } = this.#model.current;
        this.#acknowledge(outcome.value, withStaged(this.#model.current.values, staged));
        this.#pending.delete(name);
        if (this.#model.current.version !== version) possible = [this.#model.current.values];
      } else {
        this.#mayFail(outcome?.reason);
        const after = possible.map((values) => withStaged(values, staged));
        for (const values of after) this.#model.mayHave(values);
        possible = [...possible, ...after];
      }
    }
  }

  async #undo(age: number): Promise<void> {
    const version = this.#model.lineage().at(age);
    if (version === undefined) return;
    const [found] = await this.#opened().history(1, version + 1);
    if (found?.version !== version) return; // no longer kept; #lookBack checks that only old ones are missing
    this.#checkChanges(version, found.changes);
    const { values } = revert(this.#opened().values, found.changes);
    await this.#replace(values);
  }

  async #restore(age: number): Promise<void> {
    const version = this.#model.lineage().at(age);
    if (version === undefined) return;
    try {
      const values = await this.#opened().valuesAt(version);
      claim(isDeepStrictEqual(values, this.#model.valuesOf(version)), `version ${version} reads back changed`);
      await this.#replace(values);
    } catch (error) {
      if (!isFailure(error, "no-such-version")) throw error;
    }
  }

  async #replace(values: Values, must = false): Promise<void> {
    try {
      this.#acknowledge(await this.#opened().replace(values, author, "replace"), values);
    } catch (error) {
      if (error instanceof Violation || must) throw error;
      this.#mayFail(error);
      this.#model.mayHave(values);
    }
  }

  async #markGoodBoot(): Promise<void> {
    try {
      await this.#opened().markGoodBoot();
      this.#model.markedGoodBoot();
    } catch (error) {
      this.#mayFail(error);
      this.#model.mayHaveMarked();
    }
  }

  async #restart(): Promise<void> {
    await this.#opened()[Symbol.asyncDispose]();
    const store = await this.#open(this.#disk);
    this.#accept(store, await this.#check(store, this.#disk), false);
  }

  async #powerReturns(): Promise<void> {
    this.#operations += this.#disk.operations;
    const before = this.#disk;
    for (let ending = endingsPerPowerLoss - 1; ending >= 0; ending--) {
      const disk = before.afterPowerLoss(this.#powerSeed + ending);
      const store = await this.#open(disk);
      const newer = await this.#check(store, disk);
      this.#crashStates++;
      if (ending > 0) continue;
      this.#disk = disk;
      this.#accept(store, newer, true);
    }
  }

  async #damage(seed: number, how: Damage): Promise<void> {
    await this.#opened()[Symbol.asyncDispose]();
    this.#operations += this.#disk.operations;
    const random = new Random(seed);
    const disk = this.#disk.afterPowerLoss(random.seed());
    const lossy = damage(disk, random, how);
    const store = await this.#open(disk);
    const newer = await this.#newerIn(store);
    this.#model.checkFoundAfterDamage(store, newer, store.repairs, how === "remove" || how === "shorten");
    this.#crashStates++;
    this.#disk = disk;
    this.#accept(store, newer, true);
    // When no first line is left either, nothing shows which numbers were used.
    if (lossy || store.version === 0) this.#model.forgetLostVersions();
  }

  async #open(disk: SimulatedDisk): Promise<Datastore> {
    const clock = { now: () => new Date(Date.UTC(2026, 0, 1) + 1000 * this.#seconds++ + this.#clockWrongMs) };
    return Datastore.open(disk, { image: "0.1.0", clock, size: this.#scenario.size });
  }

  async #check(store: Datastore, disk: SimulatedDisk): Promise<Known[]> {
    const newer = await this.#newerIn(store);
    this.#model.checkFound(store, newer);
    this.#model.checkGoodBoot(store.lastGoodBoot()?.version);
    claim(store.pendingNames().length === 0, "something is pending after a start");
    if (this.#scenario.mode === "power") checkFiles(disk.contents(), store.version, store.values);
    return newer;
  }

  /** What is there above the acknowledged version, oldest first. */
  async #newerIn(store: Datastore): Promise<Known[]> {
    const history = await store.history(recentHistory);
    const versions = history
      .map(({ version }) => version)
      .filter((version) => version > this.#model.acknowledged.version);
    const newer: Known[] = [];
    for (const version of versions.toReversed()) newer.push({ version, values: await store.valuesAt(version) });
    // A commit that failed and turned up after a restart is in the base of what follows it, not always in the history.
    const last = newer.at(-1)?.version ?? this.#model.acknowledged.version;
    if (this.#scenario.mode === "errors" && store.version > last) {
      newer.push({ version: store.version, values: store.values });
    }
    return newer;
  }

  #accept(store: Datastore, newer: readonly Known[], settled: boolean): void {
    const { version, values } = store;
    this.#model.accept({ version, values }, newer, store.lastGoodBoot()?.version, settled);
    this.#pending.clear();
    this.#store = store;
  }

  /** The history is what happened, without a gap unless bytes were damaged. */
  async #lookBack(): Promise<void> {
    const store = this.#opened();
    const history = await store.history(allHistory);
    const versions = history.map(({ version }) => version);
    this.#model.checkHistory(versions, this.#scenario.mode === "damage");
    for (const { version, changes } of history) this.#checkChanges(version, changes);
    const step = Math.ceil(history.length / looksBack);
    for (const { version, at } of history.filter((_, index) => index % step === 0)) {
      const values = await store.valuesAt(version);
      claim(isDeepStrictEqual(values, this.#model.valuesOf(version)), `version ${version} reads back changed`);
      const newest = history.find((each) => each.at <= at)?.version;
      const found = await store.versionAt(at);
      // A clock that was set back may lead to a newer version, of which damage left no more than the base of a segment.
      const isInGap = this.#scenario.mode === "damage" && !versions.includes(found) && found > (newest ?? 0);
      claim(found === newest || isInGap, `the time of version ${version} leads to ${found}, not to ${newest}`);
    }
    const goodBoot = store.lastGoodBoot();
    this.#model.checkGoodBoot(goodBoot?.version);
    if (goodBoot === undefined) return;
    const values = await store.valuesAt(goodBoot.version);
    claim(isDeepStrictEqual(values, this.#model.valuesOf(goodBoot.version)), "the last good boot reads back changed");
  }

  #checkChanges(version: number, changes: readonly Change[]): void {
    const expected = this.#model.changesOf(version);
    const same = expected === undefined || isDeepStrictEqual(byKey(changes), byKey(expected));
    claim(same, `version ${version} tells other changes`);
  }

  #acknowledge({ version, changed }: Committed, values: Values): void {
    const before = this.#model.current;
    this.#model.acknowledge({ version, values });
    const changes = version === before.version ? [] : (this.#model.changesOf(version) ?? []);
    const expected = changes.map(({ key }) => key).toSorted();
    claim(isDeepStrictEqual(changed, expected), `version ${version} reported as changed: ${changed.join(", ")}`);
  }

  #checkSettings(): void {
    const { version, values } = this.#opened();
    claim(version === this.#model.current.version, `version ${version} is current, not ${this.#model.current.version}`);
    claim(isDeepStrictEqual(values, this.#model.current.values), `version ${version} has other values`);
    const pending = this.#opened().pendingNames();
    claim(isDeepStrictEqual(pending, [...this.#pending.keys()].toSorted()), `pending are: ${pending.join(", ")}`);
    for (const name of pending) {
      claim(isDeepStrictEqual(this.#opened().pending(name), this.#pending.get(name)), `${name} holds something else`);
    }
  }

  #mayFail(error: unknown): void {
    if (this.#disk.powerIsLost) return;
    const allowed = this.#scenario.mode === "errors" && isFailure(error, "disk-full", "disk-error");
    if (!allowed) throw error;
  }

  #opened(): Datastore {
    if (this.#store === undefined) throw new Error("bug: the store is not open");
    return this.#store;
  }
}

/** The order is that of the settings before, which a model that replaces all of them does not have. */
function byKey(changes: readonly Change[]): Change[] {
  return changes.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}
