/**
 * A machine that is switched on: its power, and the ways to talk to what runs in it.
 *
 * Everything is found through the machine's directory, so another process than the one that switched it on can do all
 * of it. Disposing cuts the power.
 */
import { readFile } from "node:fs/promises";
import { deadline, machineClock } from "../lib/clock.ts";
import { connect, type Client } from "../api/client/client.ts";
import type { StatusBody } from "../api/status.ts";
import { isPassing } from "../api/client/refused.ts";
import { defined } from "../lib/defined.ts";
import { Failure, isFailure, type FailureCode } from "../lib/failure.ts";
import { readLines } from "./qemu/console.ts";
import { machineFiles, readMachineRecord, type MachineFiles, type MachineRecord } from "./machine-files.ts";
import { isAlive, kill } from "./process-identity.ts";
import { Qmp } from "./qemu/qmp.ts";

const pollMs = 250;
const pressAgainMs = 2000;
/** QEMU takes connections for a guest that is down, or that was reset since, and nobody ever answers them. */
export const answerMs = 20_000;
/** Lines of the console in the failure when a machine does not come up. */
const mostConsoleLines = 15;

/** How the host announces its remote API on the console. */
const announcement = /remote API .*?fingerprint (?:SHA-?256:? ?)?([0-9A-Fa-f:]{64,95})/i;
/** The firmware's line at the begin of a boot. */
const firmwareStarts = /BdsDxe: starting/;

/** What it takes to call the remote API; written for `apiclient` too. */
export type Access = { url: string; certificate: string; key: string; trust: { fingerprint: string } };

export class RunningMachine implements AsyncDisposable {
  readonly record: MachineRecord;
  readonly files: MachineFiles;

  private constructor(record: MachineRecord, files: MachineFiles) {
    this.record = record;
    this.files = files;
  }

  /** Undefined when no machine runs from that directory. @throws {Failure<"damaged-record">} */
  static async find(directory: string): Promise<RunningMachine | undefined> {
    const record = await readMachineRecord(directory);
    if (record === undefined || !(await isAlive(record.process))) return undefined;
    return new RunningMachine(record, machineFiles(directory));
  }

  async isOn(): Promise<boolean> {
    return isAlive(this.record.process);
  }

  /** Presses the power button until the guest has shut down: before it listens, which no boot waits for, a press is lost. */
  async switchOff(signal: AbortSignal): Promise<void> {
    await this.#pressPower();
    for (let patience = deadline(machineClock, pressAgainMs); await this.isOn(); await machineClock.sleep(50, signal)) {
      if (!patience.passed) continue;
      patience = deadline(machineClock, pressAgainMs);
      try {
        await this.#pressPower();
      } catch (error) {
        // It ends just now.
        if (!isFailure(error, "cannot-connect", "qmp-failed")) throw error;
      }
    }
  }

  async #pressPower(): Promise<void> {
    await using qmp = await Qmp.connect(this.files.qmp);
    await qmp.powerdown();
  }

  /** Ends QEMU between two of its instructions: what the guest has not written is lost. */
  async cutPower(): Promise<void> {
    await kill(this.record.process);
  }

  /** Presses the reset button. */
  async reset(): Promise<void> {
    await using qmp = await Qmp.connect(this.files.qmp);
    await qmp.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cutPower();
  }

  /** What the console showed since the machine was switched on. */
  async consoleLines(): Promise<string[]> {
    return readLines(this.files.consoleLog, this.record.consoleFrom);
  }

  /** Undefined as long as the host has not announced its remote API on the console, at every boot anew. */
  async access(): Promise<Access | undefined> {
    const lines = await this.consoleLines();
    return await this.#announcedIn(lines.slice(lines.findLastIndex((line) => firmwareStarts.test(line)) + 1));
  }

  /** As the host announced it last: a host that reboots comes back as the same one. */
  async lastAccess(): Promise<Access | undefined> {
    return await this.#announcedIn(await this.consoleLines());
  }

  async #announcedIn(lines: readonly string[]): Promise<Access | undefined> {
    const announced = lines.findLast((line) => announcement.test(line));
    const fingerprint = announcement.exec(announced ?? "")?.[1];
    if (fingerprint === undefined) return undefined;
    return {
      url: `https://127.0.0.1:${this.record.apiPort}`,
      certificate: await readFile(this.files.certificate, "utf8"),
      key: await readFile(this.files.key, "utf8"),
      trust: { fingerprint },
    };
  }

  /** @throws {Failure<"no-remote-api">} when the host has not announced it */
  async api(): Promise<Client> {
    const access = await this.access();
    if (access !== undefined) return connect(access);
    throw new Failure("no-remote-api", `cannot talk to machine ${this.record.name}: it has not announced its API yet`);
  }

  /**
   * Waits until the API answers and the last status satisfies `until`.
   *
   * @throws {Failure<"machine-ended" | "not-in-time">} with the last lines of the console, and where its processors are
   */
  async untilStatus(
    until: (status: StatusBody) => boolean,
    timeoutMs: number,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<StatusBody> {
    const patience = deadline(machineClock, timeoutMs);
    for (let last: unknown; ;) {
      const soon = AbortSignal.timeout(answerMs);
      try {
        const status = await this.#status(AbortSignal.any([signal, soon]));
        if (status !== undefined && until(status)) return status;
        if (status !== undefined) last = new Error(`its state is ${status.state}`);
      } catch (error) {
        signal.throwIfAborted();
        if (!soon.aborted && !isPassing(error)) throw error;
        last = error;
      }
      if (!(await this.isOn())) throw await this.#failure("machine-ended", "it switched itself off", last);
      if (patience.passed) {
        throw await this.#failure("not-in-time", `it was not ready after ${timeoutMs / 1000} s`, last);
      }
      await machineClock.sleep(pollMs, signal);
    }
  }

  /** Waits until every step of the boot has run, whether it went well or not. */
  async untilConfigured(timeoutMs: number, signal?: AbortSignal): Promise<StatusBody> {
    return this.untilStatus((status) => status.state !== "booting", timeoutMs, signal);
  }

  /** Like `untilConfigured`, for the boot after a reboot that was asked for at `askedAtMs` (of `machineClock`). */
  async untilRebooted(askedAtMs: number, timeoutMs: number, signal?: AbortSignal): Promise<StatusBody> {
    const isNewBoot = ({ uptimeSeconds }: StatusBody): boolean =>
      machineClock.elapsedMs() - uptimeSeconds * 1000 > askedAtMs;
    return this.untilStatus((status) => status.state !== "booting" && isNewBoot(status), timeoutMs, signal);
  }

  async #status(signal: AbortSignal): Promise<StatusBody | undefined> {
    const access = await this.access();
    return access === undefined ? undefined : connect(access).call("getStatus", { signal });
  }

  async #failure<Code extends FailureCode>(code: Code, reason: string, cause: unknown): Promise<Failure<Code>> {
    const lines = (await this.consoleLines()).slice(-mostConsoleLines).map((line) => `  | ${line}`);
    const consoleEnd = lines.length === 0 ? "its console is empty" : `the end of its console:\n${lines.join("\n")}`;
    const processors = await this.#processors();
    return new Failure(code, `cannot bring up machine ${this.record.name}: ${reason}; ${consoleEnd}${processors}`, {
      hint: `the whole console is in ${this.files.consoleLog}`,
      ...defined({ cause }),
    });
  }

  /** Where each processor is, for a machine that hangs; nothing when it has ended. */
  async #processors(): Promise<string> {
    try {
      await using qmp = await Qmp.connect(this.files.qmp);
      return `\nits processors:\n${(await qmp.processors()).map((line) => `  | ${line}`).join("\n")}`;
    } catch (error) {
      if (isFailure(error, "cannot-connect", "qmp-failed")) return "";
      throw error;
    }
  }
}
