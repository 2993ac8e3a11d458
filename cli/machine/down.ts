/** `./orlop down` */
import { verb } from "../context.ts";
import { chosenMachine, forgetContext, machineArgument } from "./machines.ts";

export const down = verb({
  name: "down",
  summary: "Shut a machine down and remove what it left",
  examples: [
    { run: "./orlop down", description: "the one that runs" },
    { run: "./orlop down web", description: "one of several" },
  ],
  arguments: { machine: machineArgument },
  async run({ invocation: { signal } }, { machine }) {
    const vm = await import("../../vm/up.ts");
    const name = machine ?? (await chosenMachine(machine)).record.name;
    const result = await vm.down(name, signal);
    await forgetContext(name);
    return result;
  },
  print: ({ name, shutDown }) => `${name} ${shutDown ? "has shut down" : "was switched off"}`,
});
