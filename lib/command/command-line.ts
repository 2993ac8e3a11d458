/**
 * Runs a program of `lib/command/command.ts`: results go to stdout, everything else to stderr; exit 0 done, 1 failure, 2 usage.
 *
 * `runProgram` is what a `main.ts` calls; `invoke` is the same for tests, with the output returned.
 */
import { parse } from "./command-parser.ts";
import type { Command, Invocation, Program, CommandValues } from "./command.ts";
import { withCompletion } from "./completion.ts";
import { standardConversation } from "./conversation.ts";
import { explain, isFailure } from "../failure.ts";
import { printable } from "../text/printable.ts";

export type CommandOutcome = { stdout: string; stderr: string; exitCode: number };

/** Runs a command line in this process and returns what it would have written. */
export async function invoke(
  program: Program,
  words: readonly string[],
  { stdin = "", signal = new AbortController().signal }: { stdin?: string | Uint8Array; signal?: AbortSignal } = {},
): Promise<CommandOutcome> {
  const outcome = { stdout: "", stderr: "", exitCode: 0 };
  const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
  outcome.exitCode = await execute(program, words, {
    signal,
    stdin: () => new Blob([bytes]).stream(),
    write: (text) => void (outcome.stdout += text),
    note: (text) => void (outcome.stderr += `${text}\n`),
    conversation: () => ({
      input: new Blob([bytes]).stream(),
      output: async (part) => void (outcome.stdout += new TextDecoder().decode(part)),
      terminal: undefined,
    }),
  });
  return outcome;
}

/** Runs the command line of this process and exits. The first interrupt aborts the command's signal, the second ends it. */
export async function runProgram(program: Program, words: readonly string[]): Promise<never> {
  const interrupted = new AbortController();
  let interruptedBy = 0;
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(signal, () => {
      if (interruptedBy !== 0) process.exit(128 + number);
      interruptedBy = number;
      interrupted.abort();
    });
  }
  // A reader that has seen enough (`apiclient get | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const exitCode = await execute(program, words, {
    signal: interrupted.signal,
    stdin: () => Bun.stdin.stream(),
    write: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(`${text}\n`),
    conversation: standardConversation,
  });
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  // An interrupt is the usual end of what runs until then; whatever it stopped in the middle did not succeed.
  process.exit(exitCode === 0 || interruptedBy === 0 ? exitCode : 128 + interruptedBy);
}

/** Runs a command line with somebody else's output, and gives its exit code. */
export async function execute(program: Program, words: readonly string[], invocation: Invocation): Promise<number> {
  const whole = withCompletion(program);
  const parsed = parse(whole, words);
  if (parsed.kind === "text") {
    invocation.write(parsed.text);
    return 0;
  }
  if (parsed.kind === "usage") return tellUsage(program, parsed.message, parsed.see, invocation);
  const { command, values, globals, json } = parsed;
  try {
    const data = await command.run(whole.context(invocation, globals), values);
    invocation.write(await shown(command, data, values, json));
    for (const note of command.notes(data)) invocation.note(printable(`${program.name}: ${note}`));
    return command.exitCode(data);
  } catch (error) {
    if (isFailure(error, "usage")) {
      return tellUsage(program, error.message, `${program.name} ${command.name}`, invocation);
    }
    if (!invocation.signal.aborted) invocation.note(printable(`${program.name}: ${explain(error)}`));
    return 1;
  }
}

function tellUsage(program: Program, message: string, see: string, invocation: Invocation): number {
  invocation.note(`${program.name}: ${message}\nhint: see \`${see} --help\``);
  return 2;
}

async function shown(command: Command, data: unknown, values: CommandValues, json: boolean): Promise<string> {
  if (data === undefined) return "";
  const text =
    command.print !== undefined && !json
      ? printable(await command.print(data, values))
      : typeof data === "string" && !json
        ? data
        : JSON.stringify(data, null, 2);
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
