/** `data-disk`: makes the data partition on a disk of its own. */
import { runProgram } from "../../lib/command/command-line.ts";
import { commandsWith, program, type Program } from "../../lib/command/command.ts";
import { version } from "../../package.json";
import { makeDataDisk } from "../data-disk/make.ts";
import { linuxSystem, type System } from "../machine/system.ts";

type Context = { system: System };
const command = commandsWith<Context>();

const make = command({
  name: "make",
  summary: "Make the data partition on the empty disk of this machine",
  examples: [{ run: "data-disk make", description: "as make-data-disk.service does" }],
  run: async ({ system }) => await makeDataDisk(system),
  print: (uuid) => `the data partition is ${uuid}`,
});

export function dataDiskProgram(system: System): Program {
  return program({
    name: "data-disk",
    summary: "The data partition on a disk of its own",
    version,
    options: {},
    groups: {},
    commands: [make],
    context: () => ({ system }),
  });
}

export async function main(words: readonly string[]): Promise<never> {
  return await runProgram(dataDiskProgram(linuxSystem()), words);
}
