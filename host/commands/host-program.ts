/** What the programs of a host have in common: their commands work on the machine they run on. */
import { runProgram } from "../../lib/command/command-line.ts";
import { commandsWith, program, type Command, type Invocation, type Program } from "../../lib/command/command.ts";
import { version } from "../../package.json";
import { linuxSystem, type System } from "../machine/system.ts";

export type HostContext = { system: System; invocation: Invocation };

export const hostCommand = commandsWith<HostContext>();

/** The program on a machine, which a test makes up. */
export type HostProgram = (system: System) => Program;

export function hostProgram(
  definition: Pick<Program, "name" | "summary" | "unnamed"> & { commands: readonly Command<HostContext>[] },
): HostProgram {
  return (system) =>
    program({
      ...definition,
      version,
      options: {},
      groups: {},
      context: (invocation) => ({ system, invocation }),
    });
}

/** The process is the program, on the machine it runs on. */
export async function runHostProgram(programOn: HostProgram, words: readonly string[]): Promise<never> {
  return await runProgram(programOn(linuxSystem()), words);
}
