/** What this host can show of itself by its TPM: image, command line, settings. Who believes it is others' business. */
import { createHash, createHmac, randomBytes } from "node:crypto";
import {
  attestedRegisters,
  settingsRegister,
  type Evidence,
  type MeasuredSettings,
  type SettingsLog,
} from "../../api/attestation/evidence.ts";
import { Refused } from "../../api/client/refused.ts";
import { readIfPresent } from "../../lib/files/files.ts";
import { extend, quote, readRegisters, type Transmit } from "../../lib/tpm/tpm.ts";
import type { Datastore } from "../datastore/datastore.ts";
import { kept } from "../kept/things.ts";
import { hostPath, type System } from "../machine/system.ts";
import { measureSettings } from "./settings-register.ts";

/** Who asks meanwhile is told to ask again: a chip takes some tenths of a second for an answer. */
const waitingMost = 8;
/** Stands for settings that could not be measured: no event of a log leads there. */
const unmeasured = createHash("sha256").update("settings that could not be measured\n").digest();
const firmwareLogPath = "/sys/kernel/security/tpm0/binary_bios_measurements";

type Measuring = Pick<Datastore, "head" | "values" | "version" | "changedSince">;

export class Attestation {
  readonly #system: System;
  readonly #datastore: Measuring;
  /** One after the other: each extends the register that the next one reads. */
  #last: Promise<unknown> = Promise.resolve();
  #asking = 0;

  constructor(system: System, datastore: Measuring) {
    this.#system = system;
    this.#datastore = datastore;
  }

  /** Measures the settings of now, and again after every commit. What goes wrong is said, and tried with the next one. */
  async keep(until: AbortSignal): Promise<never> {
    for (;;) {
      const { version } = this.#datastore;
      await this.#measureOrSay();
      await this.#datastore.changedSince(version, until);
    }
  }

  /**
   * Afterwards the register is not what it is at the start of a machine, whatever kept the settings from being measured.
   *
   * @returns whether there is a TPM
   * @throws {Failure<"tpm-refused" | "bad-tpm-data">}
   */
  async begin(): Promise<boolean> {
    await this.#measureOrSay();
    const closed = await this.#alone(async (transmit) => {
      const value = (await readRegisters(transmit, [settingsRegister])).get(settingsRegister);
      if (value?.every((byte) => byte === 0) === true) await extend(transmit, settingsRegister, unmeasured);
      return true;
    });
    return closed === true;
  }

  /**
   * @throws {Refused<"no-tpm" | "too-busy">}
   * @throws {Failure<"tpm-refused" | "bad-tpm-data" | "damaged-record" | "foreign-extension">}
   */
  async evidence(nonce: string): Promise<Evidence> {
    if (this.#asking >= waitingMost) {
      throw new Refused("too-busy", `cannot attest this host now: ${this.#asking} others wait for its TPM`);
    }
    this.#asking++;
    try {
      return await this.#evidence(nonce);
    } finally {
      this.#asking--;
    }
  }

  async #evidence(nonce: string): Promise<Evidence> {
    const shown = await this.#alone(async (transmit) => {
      const settings = await this.#measure(transmit);
      const values = await readRegisters(transmit, attestedRegisters);
      const { publicKey, attest, signature } = await quote(transmit, attestedRegisters, Buffer.from(nonce, "hex"));
      const firmwareLog = (await readIfPresent(hostPath(this.#system, firmwareLogPath))) ?? Buffer.alloc(0);
      return {
        format: 1 as const,
        nonce,
        publicKey,
        attest: attest.toString("base64"),
        signature: signature.toString("base64"),
        pcrs: Object.fromEntries([...values].map(([pcr, value]) => [pcr, value.toString("hex")])),
        firmwareLog: Buffer.from(firmwareLog).toString("base64"),
        settings,
      };
    });
    if (shown !== undefined) return shown;
    throw new Refused("no-tpm", "cannot attest this host: the machine has no TPM", {
      hint: "switch it on in the firmware, or give the virtual machine one",
    });
  }

  async #measureOrSay(): Promise<void> {
    try {
      await this.#alone(async (transmit) => await this.#measure(transmit));
    } catch (error) {
      this.#system.log.error("attestation: cannot measure the settings", error);
    }
  }

  async #measure(transmit: Transmit): Promise<SettingsLog> {
    const salt = await saltOf(this.#system);
    return await measureSettings(this.#system, transmit, measured(this.#datastore, salt));
  }

  async #alone<T>(work: (transmit: Transmit) => Promise<T>): Promise<T | undefined> {
    const mine = this.#last.then(async () => await this.#system.tpm(work));
    this.#last = mine.catch(() => undefined);
    return await mine;
  }
}

/** Everybody may know digests of settings, and settings hold secrets that could be guessed by them. */
function measured({ version, head, values }: Measuring, salt: string): MeasuredSettings {
  const hash = (text: string): string => createHmac("sha256", Buffer.from(salt, "hex")).update(text).digest("hex");
  const sorted = [...values].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { version, head: hash(head), digest: hash(JSON.stringify(sorted)) };
}

async function saltOf(system: System): Promise<string> {
  const present = await kept.attestationSalt.read(system);
  if (present !== undefined) return present;
  const salt = randomBytes(32).toString("hex");
  await kept.attestationSalt.replace(system, salt);
  return salt;
}
