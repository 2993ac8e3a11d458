/**
 * Settings that nobody changes any more in this boot: `POST /actions/lockdown`, as Bottlerocket's core kit has it.
 *
 * It is a file in /run, which outlasts the daemon and ends with the boot: nothing that the API can be asked takes it back.
 */
import { Refused } from "../../api/client/refused.ts";
import { isPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";

const path = "/run/orlop/settings-lockdown";

export class SettingsLockdown {
  readonly #system: System;
  #isOn: boolean;

  private constructor(system: System, isOn: boolean) {
    this.#system = system;
    this.#isOn = isOn;
  }

  static async open(system: System): Promise<SettingsLockdown> {
    return new SettingsLockdown(system, await isPresent(hostPath(system, path)));
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Done twice, it is done. */
  async begin(): Promise<void> {
    await writeFileAtomic(hostPath(this.#system, path), "", 0o600);
    this.#isOn = true;
  }

  /** @throws {Refused<"settings-locked">} */
  refuseWhileOn(): void {
    if (!this.#isOn) return;
    throw new Refused("settings-locked", "cannot change settings: they are locked down until the next boot", {
      hint: "reboot the host: changes are possible again until somebody locks it down",
    });
  }
}
