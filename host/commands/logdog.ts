/** `logdog`: an archive for whoever helps, with the logs and the state of this host and none of its secrets. */
import { archivePath, writeArchive } from "../logdog/archive.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

const collectLogs = hostCommand({
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

export const logdog = hostProgram({
  name: "logdog",
  summary: "Collect what helps to find out what is wrong with this host",
  commands: [collectLogs],
  unnamed: { command: collectLogs.name, options: ["-o", "--output"] },
});

export async function main(words: readonly string[]): Promise<never> {
  // As people know it from Bottlerocket: the name alone collects.
  return await runHostProgram(logdog, words.length === 0 ? [collectLogs.name] : words);
}
