/** `./orlop console` */
import { verb } from "../context.ts";
import { chosenMachine, machineArgument } from "./machines.ts";

export const serialConsole = verb({
  name: "console",
  summary: "Talk to a machine's serial console; Ctrl-] leaves it",
  examples: [{ run: "./orlop console", description: "the one that runs" }],
  arguments: { machine: machineArgument },
  async run({ invocation: { signal } }, { machine }) {
    const { attach } = await import("../../vm/qemu/terminal.ts");
    await attach((await chosenMachine(machine)).files.console, signal);
  },
});
