/**
 * A booted `dev` host for tests: its machine, its API, and a root shell to look at what the API claims.
 *
 * ```ts
 * await using host = await TestHost.boot("remote-api");
 * await host.commit({ motd: "hi" });
 * expect(await host.shell.run("cat /etc/motd")).toBe("hi");
 * ```
 *
 * The machine's directory, with its console, stays in `build/test/vm/<name>` until the next run of the same test.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { machineClock } from "../../../lib/clock.ts";
import type { Applied } from "../../../api/answers.ts";
import { connect, type Client } from "../../../api/client/client.ts";
import type { ExecRequest } from "../../../api/client/exec-client.ts";
import type { StatusBody } from "../../../api/status.ts";
import { isFailure } from "../../../lib/failure.ts";
import type { JsonObject } from "../../../lib/text/json.ts";
import { makeClients, type Clients, type Credentials } from "../../../vm/credentials.ts";
import { GuestShell } from "../../../vm/guest-shell.ts";
import { createMachine, type Machine, type MachineOptions } from "../../../vm/machine.ts";
import { answerMs, type RunningMachine } from "../../../vm/running-machine.ts";
import { withRemoteAccess } from "../../../vm/user-data.ts";
import { imageOf } from "./image.ts";

/** Where the machines of tests are. */
export const directory = join(import.meta.dir, "../../../build/test/vm");

/** Emulated, on a computer that does other things too. A boot of its own takes a tenth of it. */
const bootTimeoutMs = 600_000;
const execMs = 180_000;
const archiveMs = 300_000;
/** Machines of tests run beside each other; emulating two processors for each on two real ones takes longer. */
const cpus = 1;
/** What happens by itself after a while, of a machine that shares its computer. */
const eventuallyMs = 180_000;
/** An emulated machine pulls and unpacks a hundred megabytes and more. */
const pulledMs = 600_000;

export type GuestExecution = { output: string; exitCode: number };

type Prepared = { authority: Clients; credentials: Credentials };

export type TestHostOptions = Partial<Omit<MachineOptions, "credentials" | "userData">> & {
  /** The owner's part of the user data; the remote API is switched on in it. */
  userData?: string;
  /** What is tried on it is denied by the policy of SELinux, or only what matches; on others, nothing ever is. */
  denied?: "expected" | RegExp;
  /** Puts that document where the guest looks for it, and returns what the machine needs for it; fw_cfg by default. */
  handOver?: (document: string) => Promise<Partial<MachineOptions>>;
};

export class TestHost implements AsyncDisposable {
  readonly machine: Machine;
  /** Signs clients that the host knows. */
  readonly authority: Clients;
  readonly credentials: Credentials;
  #running: RunningMachine | undefined;
  #shell: GuestShell | undefined;
  readonly #denied: TestHostOptions["denied"];

  private constructor(machine: Machine, { authority, credentials }: Prepared, denied: TestHostOptions["denied"]) {
    this.#denied = denied;
    this.machine = machine;
    this.authority = authority;
    this.credentials = credentials;
  }

  /** Makes a machine that is off. */
  static async make(name: string, options: TestHostOptions = {}): Promise<TestHost> {
    const { userData = "", handOver = byFwCfg, denied, ...hardware } = options;
    const path = join(directory, name);
    await rm(path, { recursive: true, force: true });
    const authority = await makeClients();
    const credentials = await authority.client("tester");
    const handedOver = await handOver(withRemoteAccess(userData, credentials));
    const machine = await createMachine(path, {
      image: hardware.image ?? (await imageOf("dev")),
      credentials,
      shell: true,
      cpus,
      ...hardware,
      ...handedOver,
    });
    return new TestHost(machine, { authority, credentials }, denied);
  }

  /** Makes a machine, switches it on and waits until its host is configured. */
  static async boot(name: string, options: TestHostOptions = {}): Promise<TestHost> {
    const host = await TestHost.make(name, options);
    try {
      await host.switchOn();
      await host.untilConfigured();
      return host;
    } catch (error) {
      await host.cutPower();
      throw error;
    }
  }

  get running(): RunningMachine {
    if (this.#running === undefined) throw new Error("the machine is off");
    return this.#running;
  }

  get shell(): GuestShell {
    if (this.#shell === undefined) throw new Error("nobody waited for the shell");
    return this.#shell;
  }

  /** Switches it on and waits for its root shell, unless the test has no use for one. */
  async switchOn(how: "with shell" | "without shell" = "with shell"): Promise<void> {
    this.#running = await this.machine.switchOn(bootSignal());
    if (how === "without shell") return;
    this.#shell = await GuestShell.connect(this.#running.files.shell, bootSignal());
  }

  /** @param timeoutMs longer when containers prepare the machine: their images come first */
  async untilConfigured(timeoutMs = bootTimeoutMs): Promise<StatusBody> {
    return this.running.untilConfigured(timeoutMs);
  }

  /** Pulls the plug: nothing is written any more, no program is notified. */
  async cutPower(): Promise<void> {
    await this.#shell?.[Symbol.asyncDispose]();
    await this.#running?.cutPower();
    this.#shell = undefined;
    this.#running = undefined;
  }

  /** Presses the power button and waits until the host has shut down in order. */
  async switchOff(): Promise<void> {
    await this.running.switchOff(bootSignal());
    await this.cutPower();
  }

  /** Reboots through the API, and waits until the host is configured again. */
  async reboot(): Promise<StatusBody> {
    const askedAtMs = machineClock.elapsedMs();
    await (await this.api()).call("reboot");
    const status = await this.running.untilRebooted(askedAtMs, bootTimeoutMs);
    // Not before: a shell that is started once more while the old boot ends would answer too.
    await this.#shell?.untilNextBoot(bootSignal());
    return status;
  }

  async api(): Promise<Client> {
    return this.running.api();
  }

  async status(): Promise<StatusBody> {
    return (await this.api()).call("getStatus", { signal: soon() });
  }

  /** What the host collects about itself, by name. */
  async supportArchive(): Promise<Map<string, Blob>> {
    const parts: Uint8Array[] = [];
    const take = async (bytes: Uint8Array): Promise<void> => void parts.push(bytes);
    await (await this.api()).download("supportArchive", take, AbortSignal.timeout(archiveMs));
    const files = await new Bun.Archive(Buffer.concat(parts)).files();
    return new Map([...files].map(([path, file]) => [path.replace(/^orlop-logs\//, ""), file]));
  }

  /** Runs a program in a host container, from the laptop: through the remote API. */
  async exec(target: string, command: readonly string[], more: Partial<ExecRequest> = {}): Promise<GuestExecution> {
    const access = await this.running.access();
    if (access === undefined) throw new Error("the host has not announced its API");
    let output = "";
    const exitCode = await connect(access).exec({
      target,
      command,
      input: new Blob([]).stream(),
      output: async (bytes) => void (output += Buffer.from(bytes).toString()),
      signal: AbortSignal.timeout(execMs),
      ...more,
    });
    return { output, exitCode };
  }

  /** Waits until these host containers run, without asking so often that their images come later. */
  async untilRunning(...names: string[]): Promise<void> {
    const deadlineMs = performance.now() + pulledMs;
    for (;;) {
      const { hostContainers = [] } = await this.status();
      const states = new Map(hostContainers.map(({ name, state }) => [name, state]));
      if (names.every((name) => states.get(name) === "active (running)")) return;
      if (performance.now() > deadlineMs) {
        throw new Error(`host containers after ${pulledMs / 1000} s: ${JSON.stringify(Object.fromEntries(states))}`);
      }
      await sleep(3000);
    }
  }

  /** Sets settings and applies them. */
  async commit(settings: JsonObject, query: { try?: number } = {}): Promise<Applied> {
    const api = await this.api();
    const tx = crypto.randomUUID();
    await api.call("patchSettings", { query: { tx }, body: settings });
    return api.commitAndWait({ tx, ...query });
  }

  /** Returns settings to their defaults and applies that. */
  async reset(...keys: string[]): Promise<Applied> {
    const api = await this.api();
    const tx = crypto.randomUUID();
    await api.call("deleteSettings", { query: { keys, tx } });
    return api.commitAndWait({ tx });
  }

  /** Repeats a command until it succeeds and its output satisfies, for what happens by itself after a while. */
  async eventually(command: string, satisfies: (output: string) => boolean, timeoutMs = eventuallyMs): Promise<string> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const { output, exitCode } = await this.shell.try(command);
      if (exitCode === 0 && satisfies(output)) return output;
      if (performance.now() > deadlineMs) {
        throw new Error(`still after ${timeoutMs / 1000} s, ${command} exits with ${exitCode}: ${output}`);
      }
      await sleep(250);
    }
  }

  /** What the policy of SELinux has denied since the first boot; by the API where there is no shell. */
  async denials(): Promise<string[]> {
    if (this.#shell === undefined) return await this.#archivedDenials();
    const { output } = await this.shell.try(
      "journalctl --no-pager --output=cat _TRANSPORT=kernel | grep 'avc:  denied'",
    );
    return output.split("\n").filter(isDenial);
  }

  /** How often units were started in this boot, by a name or a pattern of names. */
  async startsOf(units: string): Promise<number> {
    const lines = `journalctl --boot --unit='${units}' --output=cat`;
    return Number(await this.shell.run(`${lines} | grep -c ^Starting || :`));
  }

  /** Sets the clock forward or back, as chrony does and people do. */
  async stepClock(seconds: number): Promise<void> {
    await this.shell.run(`date -s @$(($(date +%s) + ${seconds}))`);
  }

  /** True when the API cannot be reached and the network answers so at once. */
  async isSilent(): Promise<boolean> {
    try {
      await this.status();
      return false;
    } catch (error) {
      if (isFailure(error, "cannot-connect", "no-remote-api")) return true;
      throw error;
    }
  }

  async #lastDenials(): Promise<string[]> {
    if (this.#running === undefined) return [];
    try {
      return await this.denials();
    } catch (error) {
      // It has been switched off, or has crashed, as its test wanted.
      if (isFailure(error, "guest-command", "cannot-connect", "no-remote-api")) return [];
      throw error;
    }
  }

  async #archivedDenials(): Promise<string[]> {
    const archived = (await this.supportArchive()).get("selinux-denials");
    if (archived === undefined) throw new Error("the support archive has no selinux-denials");
    return (await archived.text()).split("\n").filter(isDenial);
  }

  /** @throws when the policy has denied something, though nothing forbidden was tried */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const allowed = this.#denied;
      if (allowed === "expected") return;
      const denials = (await this.#lastDenials()).filter((line) => allowed?.test(line) !== true);
      if (denials.length > 0) throw new Error(`the policy denied:\n${denials.join("\n")}`);
    } finally {
      await this.cutPower();
    }
  }
}

/** A host that is permissive notes what it would deny. */
const isDenial = (line: string): boolean => line.includes("avc:  denied") && !line.includes("permissive=1");

async function byFwCfg(document: string): Promise<Partial<MachineOptions>> {
  return { userData: document };
}

/** For questions while a guest may be reset. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(answerMs);
}

function bootSignal(): AbortSignal {
  return AbortSignal.timeout(bootTimeoutMs);
}
