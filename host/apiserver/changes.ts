/**
 * Every change of committed settings that the API makes: one at a time, checked as a whole, none during a trial or while
 * they are locked down.
 */
import { isDeepStrictEqual } from "node:util";
import { Refused } from "../../api/client/refused.ts";
import { Turns } from "../../lib/place.ts";
import { isUnder } from "../../settings/model/key.ts";
import type { Model } from "../../settings/model/model.ts";
import type { Problem } from "../../settings/model/problem.ts";
import type { Author, Change, Committed, Datastore, Staged } from "../datastore/datastore.ts";
import { changesBetween, revert, withStaged, type Values } from "../datastore/change.ts";
import type { Trial } from "../daemon/trial.ts";
import { refuseOtherStorage, withStorageOf } from "./first-boot-settings.ts";
import type { SettingsLockdown } from "./settings-lockdown.ts";

export class Changes {
  readonly #model: Model;
  readonly #datastore: Datastore;
  readonly #trial: Trial;
  readonly #lockdown: SettingsLockdown;
  readonly #turns = new Turns();

  constructor(model: Model, datastore: Datastore, trial: Trial, lockdown: SettingsLockdown) {
    this.#model = model;
    this.#datastore = datastore;
    this.#trial = trial;
    this.#lockdown = lockdown;
  }

  /** Nothing below changes settings from now on, until the next boot. @throws {Refused<"on-trial">} */
  async lockDown(): Promise<void> {
    await this.exclusively(async () => {
      this.#trial.refuseWhileRunning();
      await this.#lockdown.begin();
    });
  }

  get areLockedDown(): boolean {
    return this.#lockdown.isOn;
  }

  /** @throws {Refused<"settings-locked" | "on-trial">} */
  #refuseUnlessFree(): void {
    this.#lockdown.refuseWhileOn();
    this.#trial.refuseWhileRunning();
  }

  /** @throws {Refused<"nothing-pending" | "unmet-requirements" | "on-trial" | "settings-locked">} */
  async commit(transaction: string, by: Author, message: string, trySeconds?: number): Promise<Committed> {
    return this.exclusively(async () => {
      this.#refuseUnlessFree();
      return await this.#datastore.commit(transaction, by, message, async (staged, write) =>
        this.#commitOrTry(staged, trySeconds, write),
      );
    });
  }

  /** The same for changes that nobody staged. @throws {Refused<"nothing-pending" | "unmet-requirements" | "on-trial" | "settings-locked">} */
  async make(changes: Staged, by: Author, message: string, trySeconds?: number): Promise<Committed> {
    return this.exclusively(async () => {
      this.#refuseUnlessFree();
      if (changes.size === 0) throw new Refused("nothing-pending", "cannot change settings: the request names none");
      return await this.#commitOrTry(changes, trySeconds, async () => this.#datastore.change(changes, by, message));
    });
  }

  async #commitOrTry(
    staged: Staged,
    trySeconds: number | undefined,
    commit: () => Promise<Committed>,
  ): Promise<Committed> {
    const after = withStaged(this.#datastore.values, staged);
    this.checkWhole(after);
    const changes = changesBetween(this.#datastore.values, after);
    if (trySeconds === undefined || changes.length === 0) return await commit();
    return await this.#trial.start(changes, trySeconds, commit);
  }

  /** Takes back one transaction. @throws {Refused<"changed-since" | …>} */
  async undo(version: number, changes: readonly Change[], by: Author): Promise<Committed> {
    return this.exclusively(async () => {
      this.#refuseUnlessFree();
      const { values, conflicts } = revert(await this.#withoutFoundAnew(version, changes), changes);
      if (conflicts.length > 0) {
        const keys = conflicts.join(", ");
        throw new Refused("changed-since", `cannot undo version ${version}: changed again since: ${keys}`, {
          hint: "undo the later versions first, or restore a whole version",
        });
      }
      return this.#replace(values, by, `undo version ${version}`);
    });
  }

  /** The settings now, without what the host found by itself for those that the version deleted: nobody chose that. */
  async #withoutFoundAnew(version: number, changes: readonly Change[]): Promise<Values> {
    const deleted = changes.filter(({ key, after }) => after === undefined && this.#datastore.values.has(key));
    if (deleted.length === 0) return this.#datastore.values;
    const since = await this.#datastore.history(this.#datastore.version - version);
    const values = new Map(this.#datastore.values);
    for (const { key } of deleted) {
      const last = since.find((later) => later.changes.some((changed) => changed.key === key));
      if (last?.by.kind === "host") values.delete(key);
    }
    return values;
  }

  /** Not while settings are on trial: what they go back to is needed. @throws {Refused<"on-trial" | …>} */
  async forget(key: string, by: Author): Promise<{ upTo: number; version: number } | undefined> {
    return this.exclusively(async () => {
      this.#refuseUnlessFree();
      return await this.#datastore.forget(key, (each) => isUnder(each, key), by);
    });
  }

  async restore(version: number, values: Values, by: Author): Promise<Committed> {
    return this.exclusively(async () => {
      this.#refuseUnlessFree();
      return this.#replace(values, by, `restore version ${version}`);
    });
  }

  /** An older image may have accepted what this one does not. */
  async #replace(chosen: Values, by: Author, message: string): Promise<Committed> {
    const values = withStorageOf(this.#datastore.values, chosen);
    const parsed = this.#model.parse(this.#model.tree(values));
    if (!parsed.ok) {
      throw new Refused("bad-settings", `cannot ${message}: this image does not accept those settings`, {
        problems: parsed.problems,
      });
    }
    this.checkWhole(values);
    return this.#datastore.replace(values, by, message);
  }

  /**
   * What the settings need from one another. Needs that were unmet before are let pass: a host that came to them with
   * a new image must not refuse every other change, least of all the one that repairs it in several steps.
   *
   * @throws {Refused<"unmet-requirements">}
   */
  checkWhole(after: Values): void {
    refuseOtherStorage(this.#datastore.values, after);
    const unmet = this.#unmet(after);
    if (unmet.length === 0) return;
    const before = this.#unmet(this.#datastore.values);
    const problems = unmet.filter((problem) => !before.some((old) => isDeepStrictEqual(old, problem)));
    if (problems.length === 0) return;
    throw new Refused("unmet-requirements", "cannot commit: some settings need others", { problems });
  }

  #unmet(values: Values): Problem[] {
    return this.#model.requirements(this.#model.tree(values));
  }

  /** Runs `work` when all work before it has ended. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    return await this.#turns.next(work);
  }
}
