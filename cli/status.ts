/** `./orlop status` */
import { isPassing } from "../api/refused.ts";
import { formatDuration } from "../lib/duration.ts";
import { isFailure } from "../lib/failure.ts";
import type { RunningMachine } from "../vm/running-machine.ts";
import { verb } from "./context.ts";

type Row = { name: string; state: string; image: string; url: string; startedAt: string };

export const status = verb({
  name: "status",
  summary: "List the machines that run",
  examples: [
    { run: "./orlop status", says: "names, states and images" },
    { run: "./orlop apiclient status", says: "more about the host of one" },
  ],
  async run({ invocation: { signal } }): Promise<Row[]> {
    const { runningMachines } = await import("../vm/up.ts");
    return await Promise.all((await runningMachines()).map(async (machine) => await rowOf(machine, signal)));
  },
  print: (rows) => (rows.length === 0 ? "no machine is running" : rows.map(rowText).join("\n")),
});

async function rowOf(machine: RunningMachine, signal: AbortSignal): Promise<Row> {
  const { name, image, startedAt, apiPort } = machine.record;
  return { name, state: await stateOf(machine, signal), image, url: `https://127.0.0.1:${apiPort}`, startedAt };
}

/** "starting" as long as its API does not answer. */
async function stateOf(machine: RunningMachine, signal: AbortSignal): Promise<string> {
  try {
    return (await (await machine.api()).call("getStatus", { signal })).state;
  } catch (error) {
    if (isPassing(error) || isFailure(error, "no-remote-api")) return "starting";
    throw error;
  }
}

function rowText({ name, state, image, url, startedAt }: Row): string {
  const up = formatDuration((Date.now() - Date.parse(startedAt)) / 1000);
  return `${name}  ${state}, on for ${up}  ${url}  ${image}`;
}
