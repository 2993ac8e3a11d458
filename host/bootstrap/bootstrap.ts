/**
 * Prepares the machine, between preconfigured.target and configured.target: bootstrap commands one after the other,
 * then bootstrap containers, all at once.
 *
 * What is essential and fails halts the boot; any other failure is reported, and the boot goes on. `once` means once it
 * has succeeded: then its mode becomes off, as in Bottlerocket; what failed runs again at the next boot
 * (`docs/decisions/0037-bootstrap.md`).
 */
import type { Client } from "../../api/client/client.ts";
import { defined } from "../../lib/defined.ts";
import { explain } from "../../lib/failure.ts";
import type { Settings } from "../../settings/model/model.ts";
import { containerUnit, type Description } from "../containers/description.ts";
import { writeDescription } from "../containers/described.ts";
import { runToItsEnd } from "../machine/unit.ts";
import { failureOf } from "../reconcile/pass-failure.ts";
import type { System } from "../machine/system.ts";
import { deferReboots } from "./deferred-reboot.ts";
import { called, commandsIn, containersIn, writeRecord, type BootstrapRecord, type BootstrapWork } from "./record.ts";

export type BootstrapHost = {
  system: System;
  api: Client;
  /** As they are now. */
  settings(signal: AbortSignal): Promise<Settings>;
  /** To who looks at the console. */
  note(line: string): void;
};

export type BootstrapOutcome = { kind: "prepared" } | { kind: "rebooting" } | { kind: "halted"; reason: string };

/** A command may wait for an update to be written. */
const commandMs = 60 * 60_000;
/** Containers may take as long as they like: nobody but their author knows. As long as a timer can be. */
const containerMs = 24 * 24 * 60 * 60_000;

export async function bootstrap(host: BootstrapHost, signal: AbortSignal): Promise<BootstrapOutcome> {
  const before = await host.settings(signal);
  const work = new Work(host, [...commandsIn(before), ...containersIn(before)]);
  const isRebootRequested = await runCommands(host, work, before, signal);
  const failed = work.failedEssential();
  if (failed !== undefined) return await work.halt(failed);
  if (isRebootRequested) {
    host.note("bootstrap: rebooting, as a command asked for");
    await host.api.call("reboot", { signal });
    return { kind: "rebooting" };
  }
  // Commands may have set containers.
  const settings = await host.settings(signal);
  await work.expect("container", containersIn(settings));
  const descriptions = describedBy(settings);
  await Promise.all(
    work.of("container").map(
      async (entry) =>
        await work.perform(entry, async () => {
          const description = descriptions.get(entry.name);
          if (description !== undefined) await runContainer(host.system, description, signal);
        }),
    ),
  );
  const failedSince = work.failedEssential();
  return failedSince === undefined ? { kind: "prepared" } : await work.halt(failedSince);
}

/** Whether one of them asked for a reboot. The first essential one that fails is the last one. */
async function runCommands(
  { system }: BootstrapHost,
  work: Work,
  settings: Settings,
  signal: AbortSignal,
): Promise<boolean> {
  const entries = work.of("commands");
  if (entries.length === 0) return false;
  await using reboots = await deferReboots(system);
  for (const entry of entries) {
    await work.perform(entry, async () => {
      for (const [program, ...words] of settings["bootstrap-commands"][entry.name]?.commands ?? []) {
        const output = await system.run([program, ...words], { limitMs: commandMs, signal });
        system.log.info(`bootstrap: commands ${entry.name}: ${program} ${words.join(" ")}: ${output.trim() || "done"}`);
      }
    });
    if (work.failedEssential() !== undefined) return false;
  }
  return await reboots.isRequested();
}

/** Starts its unit, which ends when the container has. */
async function runContainer(system: System, description: Description, signal: AbortSignal): Promise<void> {
  await writeDescription(system, description);
  await runToItsEnd(system, containerUnit(description), { limitMs: containerMs, signal });
}

function describedBy({ "bootstrap-containers": containers }: Settings): Map<string, Description> {
  const described = new Map<string, Description>();
  for (const [name, { source, command, "user-data": userData }] of Object.entries(containers)) {
    if (source === undefined) continue; // one that runs has a source: it is refused when it is set
    described.set(name, {
      type: "bootstrap",
      name,
      source,
      superpowered: false,
      api: "admin",
      ...defined({ command, userData }),
    });
  }
  return described;
}

/** Entries on their way, and the record of them. */
class Work {
  readonly #host: BootstrapHost;
  #entries: readonly BootstrapWork[];
  #halted: string | undefined;
  /** One write after the other. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(host: BootstrapHost, entries: readonly BootstrapWork[]) {
    this.#host = host;
    this.#entries = entries;
  }

  of(kind: BootstrapWork["kind"]): BootstrapWork[] {
    return this.#entries.filter((entry) => entry.kind === kind);
  }

  failedEssential(): BootstrapWork | undefined {
    return this.#entries.find(({ essential, state }) => essential && state === "failed");
  }

  /** Replaces what of one kind is to be done. */
  async expect(kind: BootstrapWork["kind"], entries: readonly BootstrapWork[]): Promise<void> {
    await this.#become([...this.#entries.filter((entry) => entry.kind !== kind), ...entries]);
  }

  async perform(entry: BootstrapWork, work: () => Promise<void>): Promise<void> {
    await this.#change({ ...entry, state: "running" });
    try {
      await work();
    } catch (error) {
      await this.#failed(entry, error);
      return;
    }
    this.#host.system.log.info(`bootstrap: ${called(entry)} succeeded`);
    try {
      if (entry.mode === "once") await this.#switchOff(entry);
      await this.#change({ ...entry, state: "done" });
    } catch (error) {
      this.#host.note(`bootstrap: ${called(entry)} succeeded and will run again: ${explain(error)}`);
      const message = `it will run again at the next boot: cannot set its mode to off: ${explain(error)}`;
      await this.#change({ ...entry, state: "done", failure: { code: "mode-not-set", message } });
    }
  }

  async #failed(entry: BootstrapWork, error: unknown): Promise<void> {
    const failure = failureOf(error);
    const then = entry.essential ? "it is essential, so the boot will not go on" : "the boot goes on without it";
    this.#host.note(`bootstrap: ${called(entry)} failed, ${then}: ${failure.message}`);
    for (const line of failure.journal?.split("\n") ?? []) this.#host.note(`  | ${line}`);
    await this.#change({ ...entry, state: "failed", failure });
  }

  async #switchOff({ kind, name }: BootstrapWork): Promise<void> {
    const tx = `bootstrap-${kind}-${name}`;
    const group = kind === "commands" ? "bootstrap-commands" : "bootstrap-containers";
    await this.#host.api.call("patchSettings", { query: { tx }, body: { [group]: { [name]: { mode: "off" } } } });
    await this.#host.api.call("commit", { query: { tx, message: `bootstrap ${kind} ${name} succeeded` } });
  }

  async halt(failed: BootstrapWork): Promise<BootstrapOutcome> {
    const reason = `essential bootstrap ${called(failed)} failed: ${failed.failure?.message ?? "no reason is known"}`;
    this.#halted = reason;
    await this.#become(
      this.#entries.map((entry) => (entry.state === "waiting" ? { ...entry, state: "skipped" } : entry)),
    );
    this.#host.note(`bootstrap: the boot stops here: ${reason}`);
    return { kind: "halted", reason };
  }

  async #change(changed: BootstrapWork): Promise<void> {
    await this.#become(
      this.#entries.map((entry) => (entry.kind === changed.kind && entry.name === changed.name ? changed : entry)),
    );
  }

  async #become(entries: readonly BootstrapWork[]): Promise<void> {
    this.#entries = entries;
    const record: BootstrapRecord = {
      entries: [...entries],
      ...defined({ halted: this.#halted }),
    };
    // A write that failed has rejected for its own caller; the next one may succeed.
    const write = async (): Promise<void> => await writeRecord(this.#host.system, record);
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }
}
