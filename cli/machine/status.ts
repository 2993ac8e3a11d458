/** `./orlop status` */
import { isPassing } from "../../api/client/refused.ts";
import { formatDuration } from "../../lib/duration.ts";
import { type Failure, isFailure } from "../../lib/failure.ts";
import type { RunningMachine } from "../../vm/running-machine.ts";
import { verb } from "../context.ts";

type Row =
  | { name: string; state: string; image: string; url: string; startedAt: string }
  /** Nobody knows whether it runs. */
  | { name: string; damage: string; remedy: string };

export const status = verb({
  name: "status",
  summary: "List the machines that run",
  examples: [
    { run: "./orlop status", description: "names, states and images" },
    { run: "./orlop apiclient status", description: "more about the host of one" },
  ],
  async run({ invocation: { signal } }): Promise<Row[]> {
    const { machinesHere } = await import("../../vm/up.ts");
    const { running, damaged } = await machinesHere();
    const rows = await Promise.all(running.map(async (machine) => await rowOf(machine, signal)));
    return [...rows, ...damaged.map(({ name, failure }) => damagedRow(name, failure))];
  },
  print: (rows) => (rows.length === 0 ? "no machine is running" : rows.map(rowText).join("\n")),
});

async function rowOf(machine: RunningMachine, signal: AbortSignal): Promise<Row> {
  const { name, image, startedAt, apiPort } = machine.record;
  return { name, state: await stateOf(machine, signal), image, url: `https://127.0.0.1:${apiPort}`, startedAt };
}

function damagedRow(name: string, { message, hint }: Failure): Row {
  return { name, damage: message, remedy: hint ?? "" };
}

/** "starting" as long as its API does not answer. What is wrong with one machine is no reason not to tell of the rest. */
async function stateOf(machine: RunningMachine, signal: AbortSignal): Promise<string> {
  const { answerMs } = await import("../../vm/running-machine.ts");
  const soon = AbortSignal.timeout(answerMs);
  try {
    return (await (await machine.api()).call("getStatus", { signal: AbortSignal.any([signal, soon]) })).state;
  } catch (error) {
    signal.throwIfAborted();
    if (soon.aborted || isPassing(error) || isFailure(error, "no-remote-api")) return "starting";
    return `its state is unknown: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function rowText(row: Row): string {
  if ("damage" in row) return `${row.name}  ${row.damage}; ${row.remedy}`;
  const { name, state, image, url, startedAt } = row;
  const up = formatDuration((Date.now() - Date.parse(startedAt)) / 1000);
  return `${name}  ${state}, on for ${up}  ${url}  ${image}`;
}
