/** `kdump`: makes the crash kernel ready. */
import { runProgram } from "../../lib/command/command-line.ts";
import { commandsWith, program, type Program } from "../../lib/command/command.ts";
import { version } from "../../package.json";
import { loadCrashKernel } from "../kdump/load.ts";
import { linuxSystem, type System } from "../machine/system.ts";

type Context = { system: System };
const command = commandsWith<Context>();

const load = command({
  name: "load",
  summary: "Load the kernel that takes over when this one panics, and keeps what it left in /var/log/kdump",
  examples: [{ run: "kdump load", description: "as load-crash-kernel.service does" }],
  run: async ({ system }) => await loadCrashKernel(system),
  print: ({ reserved, refusal }) => {
    if (reserved === 0) return "this machine has too little memory for a crash kernel: crashkernel= sets none aside";
    if (refusal !== undefined) return `no crash kernel is loaded: ${refusal}`;
    return `the crash kernel is loaded, into ${reserved / 1024 ** 2} MiB`;
  },
});

export function kdumpProgram(system: System): Program {
  return program({
    name: "kdump",
    summary: "What is left of a kernel that crashed",
    version,
    options: {},
    groups: {},
    commands: [load],
    context: () => ({ system }),
  });
}

export async function main(words: readonly string[]): Promise<never> {
  return await runProgram(kdumpProgram(linuxSystem()), words);
}
