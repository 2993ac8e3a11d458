/** Notes once in a boot that it went well, and with which settings: `restore --last-good-boot` leads there. */
import { isPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { Turns } from "../../lib/place.ts";
import { bootstrapNow } from "../bootstrap/now.ts";
import type { Datastore } from "../datastore/datastore.ts";
import { hostPath, type System } from "../machine/system.ts";
import type { Engine } from "../reconcile/engine.ts";
import type { BootStatus } from "./boot.ts";
import type { Trial } from "./trial.ts";

/** Present when this boot was noted as a good one; it ends with the boot. */
const goodBootMark = "/run/orlop/good-boot";

export type BootedHost = { system: System; datastore: Datastore; engine: Engine; trial: Trial; bootStatus: BootStatus };

export class GoodBootKeeper {
  readonly #host: BootedHost;
  readonly #turns = new Turns();

  constructor(host: BootedHost) {
    this.#host = host;
  }

  /** Whatever completes a boot asks for it: the steps, a value that was found late, the preparation of the machine. */
  async noteIfGood(): Promise<void> {
    await this.#turns.next(async () => {
      if (await this.#isThrough()) await this.#note();
    });
  }

  async #isThrough(): Promise<boolean> {
    const { system, bootStatus } = this.#host;
    if (bootStatus.steps.some(({ state }) => state === "failed")) return false;
    const { entries, halted, unknown } = await bootstrapNow(system);
    if (halted !== undefined || (unknown !== undefined && entries.length === 0)) return false;
    return entries.every(({ essential, state }) => !essential || state === "done");
  }

  /**
   * With the settings that were applied, and not with any that came since. On trial none are good before somebody
   * confirms them.
   */
  async #note(): Promise<void> {
    const { system, datastore, engine, trial } = this.#host;
    const mark = hostPath(system, goodBootMark);
    try {
      if (await isPresent(mark)) return;
      if (!this.#isApplied()) await engine.passAll();
      if (!this.#isApplied() || trial.current() !== undefined) return;
      await datastore.markGoodBoot();
      await writeFileAtomic(mark, "");
    } catch (error) {
      // The boot went well all the same; only `restore --last-good-boot` will not lead here.
      system.log.error("datastore: cannot note that the boot was good", error);
    }
  }

  #isApplied(): boolean {
    const { datastore, engine } = this.#host;
    return engine.status().every(({ state, version }) => state === "converged" && version === datastore.version);
  }
}
