/** `./orlop logs` */
import { stat } from "node:fs/promises";
import { Failure, isFailure, isNotFound } from "../../lib/failure.ts";
import { verb } from "../context.ts";
import { chosenMachine, machineArgument } from "./machines.ts";

export const logs = verb({
  name: "logs",
  summary: "Show what a machine wrote to its serial console",
  description: "A machine that failed to come up keeps its console until the next `up` of that name.",
  examples: [
    { run: "./orlop logs", description: "so far" },
    { run: "./orlop logs --follow web", description: "and what comes" },
  ],
  options: { follow: { type: "boolean", help: "Go on until Ctrl-C", short: "f" } },
  arguments: { machine: machineArgument },
  async run({ invocation }, { machine, follow: goOn }) {
    const { follow, readLines } = await import("../../vm/qemu/console.ts");
    const path = await consolePath(machine);
    if (!goOn) return (await readLines(path)).join("\n");
    for await (const text of follow(path, invocation.signal)) invocation.write(text);
    return undefined;
  },
});

async function consolePath(name: string | undefined): Promise<string> {
  try {
    return (await chosenMachine(name)).files.consoleLog;
  } catch (error) {
    if (name === undefined || !isFailure(error, "no-such-machine", "damaged-record")) throw error;
    return await pathOfEnded(name, error);
  }
}

async function pathOfEnded(name: string, otherwise: Failure): Promise<string> {
  const { directoryOf } = await import("../../vm/up.ts");
  const { machineFiles } = await import("../../vm/machine-files.ts");
  const { consoleLog } = machineFiles(directoryOf(name));
  try {
    await stat(consoleLog);
    return consoleLog;
  } catch (error) {
    throw isNotFound(error) ? otherwise : error;
  }
}
