/** What the simulator knows about the settings of a host whose versions give them different forms. */
import { isDeepStrictEqual } from "node:util";
import type { Values } from "../host/datastore/change.ts";
import { between, migrated } from "../host/migrations/migration.ts";
import type { Migration } from "../settings/migration.ts";
import { claim } from "./simulate-model.ts";

export class SettingsModel {
  readonly #migrations: readonly Migration[];
  /** In the oldest form: those of the last commit that was acknowledged, then those that a commit may have left. */
  #possible: Values[] = [new Map()];
  readonly #forms = new Map<Values, Values[]>();

  constructor(migrations: readonly Migration[]) {
    this.#migrations = migrations;
  }

  copy(): SettingsModel {
    const copy = new SettingsModel(this.#migrations);
    copy.#possible = [...this.#possible];
    return copy;
  }

  /** Are they those of one commit, in the form of one version? */
  check(values: Values): Values {
    const found = this.#possible.find((each) => this.#formsOf(each).some((form) => isDeepStrictEqual(form, values)));
    claim(found !== undefined, "the settings are those of no commit");
    return found;
  }

  /** After a start what is there is durable, and it has the form of the version that runs. */
  accept(values: Values, version: string): void {
    const found = this.check(values);
    claim(
      isDeepStrictEqual(this.#formOf(found, version), values),
      `the settings have another form than ${version} has`,
    );
    this.#possible = [found];
  }

  /** A commit begins that sets a key of the oldest form; undefined when `version` has no such setting. */
  begin(key: string, value: number, version: string): Values | undefined {
    const wanted = new Map(this.#possible[0]).set(key, value);
    const after = this.#formOf(wanted, version);
    if (after.size !== this.#formOf(new Map([...wanted].filter(([each]) => each !== key)), version).size + 1) return;
    this.#possible.push(wanted);
    return after;
  }

  acknowledge(): void {
    this.#possible = this.#possible.slice(-1);
  }

  #formOf(oldest: Values, version: string): Values {
    return migrated(oldest, between(this.#migrations, "0.0.0", version)).values;
  }

  #formsOf(oldest: Values): Values[] {
    const versions = ["0.0.0", ...this.#migrations.map(({ version }) => version)];
    return this.#forms.getOrInsertComputed(oldest, () => versions.map((version) => this.#formOf(oldest, version)));
  }
}
