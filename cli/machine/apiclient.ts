/** `./orlop apiclient`: the host's own command line, against a machine that `up` started. */
import { execute } from "../../lib/command/command-line.ts";
import { complete } from "../../lib/command/completion.ts";
import { verb } from "../context.ts";
import { chosenMachine, contextOf, machineCandidates } from "./machines.ts";

export const apiclient = verb({
  name: "apiclient",
  summary: "Run apiclient against a machine",
  description: "Everything behind `apiclient` is apiclient's own; see docs/apiclient.md.",
  examples: [
    { run: "./orlop apiclient status", description: "of the machine that runs" },
    { run: "./orlop apiclient --machine web set motd=hi", description: "of one of several" },
  ],
  options: {
    machine: { type: "text", value: "NAME", help: "Which machine", complete: machineCandidates },
  },
  arguments: { words: { value: "WORD", help: "A command of apiclient", many: true, optional: true } },
  passThrough: {
    async complete(words) {
      const { laptopClient: program } = await import("../../console/client.ts");
      const candidates = await complete(program, words);
      return candidates === "files" ? [] : candidates;
    },
  },
  async run({ invocation }, { machine, words }) {
    const { laptopClient: program } = await import("../../console/client.ts");
    return await execute(program, [...(await addressOptions(machine, words)), ...words], invocation);
  },
  print: () => "",
  exitCode: (code) => code,
});

/** Help needs no machine. */
async function addressOptions(machine: string | undefined, commandLine: readonly string[]): Promise<string[]> {
  // What is behind the container is a program's own: `exec admin df -h`.
  const words = commandLine.slice(0, wordsBeforeProgram(commandLine));
  const own = words.some((word) => ["--help", "-h", "--version", "--host", "--context", "-s"].includes(word));
  if (own || words.length === 0 || words[0] === "help" || words[0] === "completion") return [];
  const { url, certificate, key, fingerprint = "" } = await contextOf(await chosenMachine(machine));
  return ["--host", url, "--cert", certificate, "--key", key, "--fingerprint", fingerprint];
}

function wordsBeforeProgram(words: readonly string[]): number {
  const at = words.indexOf("exec");
  if (at === -1) return words.length;
  const target = words.findIndex((word, index) => index > at && !word.startsWith("-"));
  return target === -1 ? words.length : target;
}
