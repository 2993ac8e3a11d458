/** `kdump`: makes the crash kernel ready. */
import { loadCrashKernel } from "../kdump/load.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

const load = hostCommand({
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

export const kdumpProgram = hostProgram({
  name: "kdump",
  summary: "What is left of a kernel that crashed",
  commands: [load],
});

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(kdumpProgram, words);
}
