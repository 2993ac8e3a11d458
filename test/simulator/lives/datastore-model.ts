/**
 * What the simulator knows about a datastore: which states were acknowledged, and which may turn up besides.
 *
 * A commit that was cut off by a power loss, or that failed, may be on the disk all the same. Its state is possible at
 * the next start, and no longer once a later commit was acknowledged.
 */
import { isDeepStrictEqual } from "node:util";
import { changesBetween, type Change, type Values } from "../../../host/datastore/change.ts";

export type Known = { version: number; values: Values };

/** A promise of the datastore that did not hold. */
export class Violation extends Error {}

export function claim(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Violation(message);
}

export class DatastoreModel {
  /** Every version that was acknowledged or found at a start. */
  readonly #versions = new Map<number, Values>([[0, new Map()]]);
  /** Which version each one was made from, where that is certain. */
  readonly #parents = new Map<number, number>();
  /** Versions that turned up after they had failed. What follows them is durable, their own record need not be. */
  readonly #doubtful = new Set<number>();
  #current: Known = { version: 0, values: new Map() };
  /** Below this nothing may ever be found. Differs from `current` when a failed commit turned up after a restart. */
  #acknowledged: Known = this.#current;
  #maybe: Values[] = [];
  /** Versions that turned up, and may be gone again after a power loss. */
  #unsettled: number[] = [];
  #goodBoot: number | undefined;
  #acknowledgedGoodBoot: number | undefined;
  /** Marks that were cut off or failed; they may be there. */
  #maybeGoodBoots: (number | undefined)[] = [];

  get current(): Known {
    return this.#current;
  }

  get acknowledged(): Known {
    return this.#acknowledged;
  }

  valuesOf(version: number): Values | undefined {
    return this.#versions.get(version);
  }

  /** The current version and those it came from, newest first, as far as that is certain and without version 0. */
  lineage(): number[] {
    const versions: number[] = [];
    for (let version: number | undefined = this.#current.version; version !== undefined && version !== 0;) {
      versions.push(version);
      version = this.#parents.get(version);
    }
    return versions;
  }

  /**
   * Whether these versions, newest first, are what happened, without a gap.
   *
   * @param gaps bytes were damaged, so that some may be missing
   */
  checkHistory(found: readonly number[], gaps: boolean): void {
    const lineage = this.lineage().filter(
      (version) => found.includes(version) || !(gaps || this.#doubtful.has(version)),
    );
    const length = Math.min(found.length, lineage.length);
    const expected = lineage.slice(0, length);
    claim(
      isDeepStrictEqual(found.slice(0, length), expected),
      `the history is ${found.join(" ")}, not ${expected.join(" ")}`,
    );
  }

  /** As they must stand in the history; undefined where that is not certain. */
  changesOf(version: number): Change[] | undefined {
    const [older, newer] = [this.#versions.get(this.#parents.get(version) ?? -1), this.#versions.get(version)];
    return older === undefined || newer === undefined ? undefined : changesBetween(older, newer);
  }

  /** A commit was acknowledged. */
  acknowledge(known: Known): void {
    const { version, values } = known;
    if (version === this.#current.version) {
      claim(isDeepStrictEqual(values, this.#current.values), `version ${version} stands for other values than before`);
      return;
    }
    claim(version > this.#current.version, `a commit got version ${version} after ${this.#current.version}`);
    claim(!this.#versions.has(version), `version ${version} was given a second time`);
    this.#adopt(known);
    this.#settle();
  }

  /** A commit that led to `values` was not acknowledged. */
  mayHave(values: Values): void {
    this.#maybe.push(values);
  }

  markedGoodBoot(): void {
    this.#goodBoot = this.#current.version;
    this.#settle();
  }

  mayHaveMarked(): void {
    this.#maybeGoodBoots.push(this.#current.version);
  }

  checkGoodBoot(version: number | undefined): void {
    const known = version === this.#goodBoot || this.#maybeGoodBoots.includes(version);
    claim(known, `the last good boot was version ${this.#goodBoot ?? "none"}, ${version ?? "none"} was found`);
  }

  /**
   * The store was opened, after a power loss or not: nothing acknowledged may be missing.
   *
   * @param newer what was found above the acknowledged version, oldest first
   */
  checkFound(found: Known, newer: readonly Known[]): void {
    const { version, values } = this.#acknowledged;
    claim(found.version >= version, `version ${version} was acknowledged, ${found.version} was found`);
    if (found.version === version) {
      claim(isDeepStrictEqual(values, found.values), `version ${version} has values that it never had`);
    }
    for (const known of newer) {
      const wanted = this.#maybe.some((maybe) => isDeepStrictEqual(maybe, known.values));
      claim(wanted, `version ${known.version} has values that nobody committed`);
    }
    claim(found.version === (newer.at(-1)?.version ?? version), `version ${found.version} is not in the history`);
  }

  /**
   * Bytes were damaged behind the store: any state that once was will do, but nothing is lost in silence.
   *
   * @param silent a file that is gone, or ends earlier at the end of a line, cannot be missed
   */
  checkFoundAfterDamage(found: Known, newer: readonly Known[], repairs: readonly string[], silent: boolean): void {
    if (found.version >= this.#acknowledged.version) {
      this.checkFound(found, newer);
      return;
    }
    const values = this.#versions.get(found.version);
    claim(values !== undefined, `version ${found.version} never existed`);
    claim(isDeepStrictEqual(values, found.values), `version ${found.version} has values that it never had`);
    claim(silent || repairs.length > 0, `version ${this.#acknowledged.version} was lost in silence`);
  }

  /**
   * What was found is what counts from now on.
   *
   * @param newer what was found above the acknowledged version, oldest first
   * @param settled after a power loss everything that is found is durable; after a mere restart it need not be
   */
  accept(found: Known, newer: readonly Known[], goodBoot: number | undefined, settled: boolean): void {
    for (const version of this.#unsettled) this.#forget(version);
    this.#current = newer.length === 0 ? found : this.#acknowledged;
    const certain = this.#unsettled.length === 0;
    for (const known of newer) this.#adopt(known, certain);
    if (!settled) for (const { version } of newer) this.#doubtful.add(version);
    this.#unsettled = newer.map(({ version }) => version);
    this.#goodBoot = goodBoot;
    if (settled) this.#settle();
    else this.#maybeGoodBoots.push(goodBoot, this.#acknowledgedGoodBoot);
  }

  /** Whole files were lost, so nothing on the disk shows which numbers were used: those above may come again. */
  forgetLostVersions(): void {
    for (const version of this.#versions.keys()) if (version > this.#current.version) this.#forget(version);
  }

  #forget(version: number): void {
    this.#versions.delete(version);
    this.#parents.delete(version);
  }

  #adopt(known: Known, certain = true): void {
    if (certain) this.#parents.set(known.version, this.#current.version);
    this.#versions.set(known.version, known.values);
    this.#current = known;
  }

  /** Everything up to now is durable. */
  #settle(): void {
    this.#acknowledged = this.#current;
    this.#acknowledgedGoodBoot = this.#goodBoot;
    this.#maybe = [];
    this.#unsettled = [];
    this.#maybeGoodBoots = [];
  }
}
