/** `apiclient exec`: a program in a host container. */
import type { TerminalSize } from "../../../api/exec.ts";
import { usageFailure } from "../../../lib/command/command.ts";
import type { Terminal } from "../../../lib/command/conversation.ts";
import { apiCommand } from "./context.ts";

export const exec = apiCommand({
  name: "exec",
  summary: "Run a program in a host container",
  description: `With a terminal when a person sits at one, unless -t or -T says otherwise. Input, output, window size and exit code
are those of the program. It ends when this is ended. The history of the host keeps who ran what.`,
  examples: [
    { run: "apiclient exec admin bash", description: "a shell" },
    { run: "apiclient exec -T admin tar -cz /var/log > logs.tar.gz", description: "output as it is, for a file" },
  ],
  options: {
    tty: { type: "boolean", help: "With a terminal, whatever this is called from", short: "t" },
    "no-tty": { type: "boolean", help: "Without a terminal", short: "T" },
  },
  arguments: {
    target: { value: "TARGET", help: "A host container that runs" },
    command: { value: "COMMAND", help: "The program and its arguments", many: true },
  },
  passThrough: {},
  async run({ api, signal, invocation }, { tty, "no-tty": noTty, ...words }) {
    const [target, ...command] = withoutSeparators([words.target, ...words.command]);
    if (target === undefined || command.length === 0) throw usageFailure("a container and a program are expected");
    const { input, output, terminal } = invocation.conversation();
    const program = { target, command, input, output, signal };
    if (noTty || (terminal === undefined && !tty)) return await (await api()).exec(program);
    using _raw = terminal?.raw();
    return await (await api()).exec({ ...program, terminal: remote(terminal) });
  },
  print: () => "",
  exitCode: (code) => code,
});

/** "--" may stand before the container, and before the program. */
function withoutSeparators(words: readonly string[]): string[] {
  const [first, ...rest] = words;
  if (first === "--") return withoutSeparators(rest);
  return first === undefined ? [] : [first, ...(rest[0] === "--" ? rest.slice(1) : rest)];
}

/** What programs expect of a terminal that nobody sees. */
const unseen = { rows: 24, cols: 80 };

function remote(terminal: Terminal | undefined) {
  const size = (): TerminalSize => {
    if (terminal === undefined) return unseen;
    const { rows, columns } = terminal.size();
    return { rows, cols: columns };
  };
  return {
    size: size(),
    onResize: (listener: (size: TerminalSize) => void) => terminal?.onResize(() => listener(size())),
  };
}
