/** Which machine a verb means, and how `apiclient` reaches it. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ContextFile } from "../../host/commands/apiclient/address.ts";
import type { Argument, CompletionCandidate } from "../../lib/command/command.ts";
import { Failure } from "../../lib/failure.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import type { RunningMachine } from "../../vm/running-machine.ts";

export const machineArgument = {
  value: "MACHINE",
  help: "Its name; may be left out while only one runs",
  optional: true,
  complete: machineCandidates,
} as const satisfies Argument;

export async function machineCandidates(): Promise<CompletionCandidate[]> {
  const { machinesHere } = await import("../../vm/up.ts");
  const { running, damaged } = await machinesHere();
  return [...running.map(({ record }) => record), ...damaged].map(({ name }) => ({ value: name }));
}

/**
 * The machine of that name, or the only one that runs.
 *
 * @throws {Failure<"no-such-machine" | "which-machine" | "damaged-record">}
 */
export async function chosenMachine(name: string | undefined): Promise<RunningMachine> {
  const { runningMachine, machinesHere } = await import("../../vm/up.ts");
  if (name !== undefined) return await runningMachine(name);
  const { running, damaged } = await machinesHere();
  const [only] = running;
  if (only !== undefined && running.length === 1) return only;
  if (only === undefined && damaged[0] !== undefined) throw damaged[0].failure;
  if (only === undefined) {
    throw new Failure("no-such-machine", "cannot find a machine: none is running", {
      hint: "start one with `./orlop up`",
    });
  }
  const names = running.map(({ record }) => record.name).join(", ");
  throw new Failure("which-machine", `cannot choose a machine: these are running: ${names}`, {
    hint: "name one of them",
  });
}

/** What `apiclient` needs to reach the machine, with the paths of its files. */
export async function contextOf(machine: RunningMachine): Promise<ContextFile> {
  // While it reboots, whoever waits for it goes on waiting.
  const access = await machine.lastAccess();
  if (access === undefined) {
    throw new Failure("no-remote-api", `cannot talk to ${machine.record.name}: it has not announced its API yet`, {
      hint: `see how far it is with \`./orlop logs ${machine.record.name}\``,
    });
  }
  return {
    url: access.url,
    certificate: machine.files.certificate,
    key: machine.files.key,
    fingerprint: access.trust.fingerprint,
  };
}

/** Keeps the access under the machine's name, for any `apiclient --context NAME`. */
export async function keepContext(machine: RunningMachine): Promise<void> {
  const text = `${JSON.stringify(await contextOf(machine), null, 2)}\n`;
  await writeFileAtomic(await contextPath(machine.record.name), text, 0o600);
}

export async function forgetContext(name: string): Promise<void> {
  await rm(await contextPath(name), { force: true });
}

async function contextPath(name: string): Promise<string> {
  const { contextsDirectory } = await import("../../host/commands/apiclient/address.ts");
  return join(contextsDirectory(), `${name}.json`);
}
