/** `logdog`: an archive for whoever helps, with the logs and the state of this host and none of its secrets. */
import { runProgram } from "../../lib/command/command-line.ts";
import { commandsWith, program, type Invocation, type Program } from "../../lib/command/command.ts";
import { version } from "../../package.json";
import { archivePath, writeArchive } from "../logdog/archive.ts";
import { linuxSystem, type System } from "../machine/system.ts";

type Context = { system: System; invocation: Invocation };
const command = commandsWith<Context>();

const collectLogs = command({
  name: "collect",
  summary: "Write a support archive",
  description: `Values of secret settings, user data, passwords in addresses and private keys are taken out wherever they
turn up, logs of containers included. Without the API nothing is collected: what is secret could not be known.`,
  examples: [{ run: "logdog collect", description: `writes ${archivePath}` }],
  options: {
    output: {
      type: "text",
      value: "FILE",
      help: "Where it goes",
      short: "o",
      default: archivePath,
      complete: "files",
    },
  },
  async run({ system, invocation: { signal } }, { output }) {
    return { output, ...(await writeArchive(system, output, signal)) };
  },
  print: ({ output, incomplete }) =>
    `logs are at ${output}${incomplete ? "; what could not be had is in logdog.errors inside" : ""}`,
});

export function logdog(system: System): Program {
  return program({
    name: "logdog",
    summary: "Collect what helps to find out what is wrong with this host",
    version,
    options: {},
    groups: {},
    commands: [collectLogs],
    unnamed: { command: collectLogs.name, options: ["-o", "--output"] },
    context: (invocation) => ({ system, invocation }),
  });
}

export async function main(words: readonly string[]): Promise<never> {
  // As people know it from Bottlerocket: the name alone collects.
  return await runProgram(logdog(linuxSystem()), words.length === 0 ? [collectLogs.name] : words);
}
