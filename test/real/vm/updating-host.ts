/** A host that takes updates, and what a person does about them through its API. */
import { setTimeout as sleep } from "node:timers/promises";
import type { UpdateStatusBody } from "../../../api/status.ts";
import { soon, TestHost, type TestHostOptions } from "./test-host.ts";

/** An update is a few hundred megabytes, written and read back by an emulated processor. */
const prepareTimeoutMs = 900_000;
/** Two boots, of which the first one may take its time to fail. */
const returnTimeoutMs = 1_500_000;
/** The checks wait for a boot to end, and for kubelet where there is one. */
const provedMs = 600_000;

type Action = "refreshUpdates" | "prepareUpdate" | "activateUpdate" | "deactivateUpdate";
type HealthSettings = { "http-probes"?: string[]; "timeout-seconds"?: number };

export class UpdatingHost implements AsyncDisposable {
  readonly host: TestHost;

  /** @param host one that is on, and ends with this */
  constructor(host: TestHost) {
    this.host = host;
  }

  static async boot(name: string, options: TestHostOptions): Promise<UpdatingHost> {
    return new UpdatingHost(await TestHost.boot(name, options));
  }

  /** Asks for an action and waits for its own result. */
  async act(action: Action, timeoutMs = 120_000): Promise<UpdateStatusBody> {
    const api = await this.host.api();
    const before = await api.call("getUpdateStatus", { signal: soon() }).catch(() => undefined);
    await api.call(action);
    const deadlineMs = performance.now() + timeoutMs;
    // Ever less often: each question takes time from what is being done.
    for (let pauseMs = 100; performance.now() < deadlineMs; pauseMs = Math.min(1.2 * pauseMs, 1600)) {
      await sleep(pauseMs);
      const status = await api.call("getUpdateStatus", { signal: soon() }).catch(() => undefined);
      const command = status?.most_recent_command;
      if (status === undefined || command?.timestamp === before?.most_recent_command.timestamp) continue;
      if (command?.cmd_status !== "Success") throw new Error(`${action}: ${command?.stderr}`);
      return status;
    }
    throw new Error(`${action} has no result after ${timeoutMs / 1000} s`);
  }

  async lockTo(version: string, health: HealthSettings = {}): Promise<void> {
    await this.host.commit({ updates: { "version-lock": version, health } });
  }

  /** Looks for a version. */
  async choose(version: string): Promise<void> {
    const { chosen_update: chosen } = await this.act("refreshUpdates");
    if (chosen?.version !== version) throw new Error(`the host chose ${chosen?.version ?? "nothing"}, not ${version}`);
  }

  /** Looks for a version and writes it to the inactive set, verified. */
  async stage(version: string): Promise<void> {
    await this.choose(version);
    await this.act("prepareUpdate", prepareTimeoutMs);
  }

  async apply(version: string): Promise<void> {
    await this.stage(version);
    await this.activate();
  }

  /** What is staged boots next. */
  async activate(): Promise<void> {
    const { update_state: state } = await this.act("activateUpdate");
    if (state !== "Ready") throw new Error(`the update is ${state} after it was activated`);
  }

  async entries(): Promise<string[]> {
    return (await this.host.shell.run("ls /efi/loader/entries")).split("\n");
  }

  async version(): Promise<string> {
    return (await this.host.status()).os.version_id;
  }

  /** The version that runs, once it proved healthy. */
  async proved(): Promise<string> {
    for (const deadlineMs = performance.now() + provedMs; performance.now() < deadlineMs; await sleep(500)) {
      const api = await this.host.api();
      const { proved, running } = await api.call("explainUpdates", { signal: soon() });
      if (proved) return running.version;
    }
    throw new Error(`the host has not proved healthy after ${provedMs / 1000} s`);
  }

  /**
   * Reboots into an update that is bad, and waits until the host is back.
   *
   * @returns what it says about the version that it came back from, and how long that took
   */
  async rebootAndReturn(): Promise<{ version: string; reason: string; seconds: number }> {
    const startedMs = performance.now();
    await (await this.host.api()).call("reboot");
    for (const deadlineMs = startedMs + returnTimeoutMs; performance.now() < deadlineMs; await sleep(1_000)) {
      const status = await this.host.status().catch(() => undefined);
      const held = status?.heldUpdates?.at(-1);
      if (held === undefined || status?.os.version_id === held.version) continue;
      const seconds = (performance.now() - startedMs) / 1000;
      await this.host.running.untilConfigured(returnTimeoutMs);
      await this.host.shell.untilNextBoot(AbortSignal.timeout(returnTimeoutMs));
      return { version: held.version, reason: held.reason, seconds };
    }
    throw new Error(`the host did not come back within ${returnTimeoutMs / 1000} s`);
  }

  /** Lets a version that went wrong here be tried again. */
  async release(version: string): Promise<void> {
    await (await this.host.api()).call("releaseUpdate", { query: { version } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}
