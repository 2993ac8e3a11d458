/** What the simulator knows about the settings of a host whose versions give them different forms. */
import { isDeepStrictEqual } from "node:util";
import type { Values } from "../../../host/datastore/change.ts";
import { between, migrated } from "../../../host/migrations/migration.ts";
import type { Migration } from "../../../settings/migrations/migration.ts";
import { claim } from "./datastore-model.ts";

export class SettingsModel {
  readonly #migrations: readonly Migration[];
  /**
   * In the oldest form: those of the last commit that was acknowledged, or that a start has found. Several when the
   * version that runs does not tell them apart, because it has removed a setting.
   */
  #known: Values[] = [new Map()];
  /** Those that a commit may have left which was not acknowledged yet. */
  #maybe: Values[] = [];
  readonly #forms = new Map<Values, Values[]>();

  constructor(migrations: readonly Migration[]) {
    this.#migrations = migrations;
  }

  copy(): SettingsModel {
    const copy = new SettingsModel(this.#migrations);
    copy.#known = this.#known;
    copy.#maybe = this.#maybe;
    return copy;
  }

  /** Are they those of one commit, in the form of one version? */
  check(values: Values): void {
    const isCommitted = [...this.#known, ...this.#maybe].some((each) =>
      this.#formsOf(each).some((form) => isDeepStrictEqual(form, values)),
    );
    claim(isCommitted, "the settings are those of no commit");
  }

  /** After a start what is there is durable, and it has the form of the version that runs. */
  accept(values: Values, version: string): void {
    this.check(values);
    const found = [...this.#known, ...this.#maybe].filter((each) =>
      isDeepStrictEqual(this.#formOf(each, version), values),
    );
    claim(found.length > 0, `the settings have another form than ${version} has`);
    this.#known = found;
    this.#maybe = [];
  }

  /** A commit begins that sets a key of the oldest form; undefined when `version` has no such setting. */
  begin(key: string, value: number, version: string): Values | undefined {
    if (this.#formOf(new Map([[key, value]]), version).size === 0) return undefined;
    this.#maybe = this.#known.map((each) => new Map(each).set(key, value));
    const [wanted] = this.#maybe;
    return wanted === undefined ? undefined : this.#formOf(wanted, version);
  }

  acknowledge(): void {
    this.#known = this.#maybe;
    this.#maybe = [];
  }

  #formOf(oldest: Values, version: string): Values {
    return migrated(oldest, between(this.#migrations, "0.0.0", version)).values;
  }

  #formsOf(oldest: Values): Values[] {
    const versions = ["0.0.0", ...this.#migrations.map(({ version }) => version)];
    return this.#forms.getOrInsertComputed(oldest, () => versions.map((version) => this.#formOf(oldest, version)));
  }
}
