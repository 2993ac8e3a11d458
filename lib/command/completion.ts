/**
 * Completion in the shell, derived from the commands.
 *
 * The scripts know nothing: at every press of the key they run the program's hidden `__complete` with the words typed
 * so far, the last of which is to be completed, and offer the lines it prints ("value TAB help").
 */
import { locate, namedOption } from "./command-parser.ts";
import {
  commandsWith,
  jsonOption,
  type Argument,
  type CompletionCandidate,
  type Command,
  type Options,
  type Program,
  type TextOption,
} from "./command.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The line that asks the shell to complete a file name. */
const filesLine = ":files";

/** What may stand for the last of `words`; "files" leaves it to the shell. */
export async function complete(
  program: Program,
  words: readonly string[],
): Promise<readonly CompletionCandidate[] | "files"> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const { path, next } = locate(program, before);
  const command = program.commands.find(({ name }) => name === path.join(" "));
  const rest = before.slice(next);
  if (command?.passThrough?.complete !== undefined) return await command.passThrough.complete([...rest, typed]);

  const options: Options = { ...program.options, ...command?.options };
  const last = namedOption(options, before.at(-1) ?? "");
  if (last?.type === "text" && !before.at(-1)?.includes("=")) return await valuesOf(last, typed);
  if (typed.startsWith("--") && typed.includes("=")) {
    const option = namedOption(options, typed);
    const start = typed.slice(0, typed.indexOf("=") + 1);
    const values = option?.type === "text" ? await valuesOf(option, typed.slice(start.length)) : [];
    return values === "files" ? values : values.map(({ value, ...help }) => ({ value: start + value, ...help }));
  }
  if (typed.startsWith("-")) return starting(typed, optionCandidates(options, command));
  if (command === undefined) return starting(typed, commandCandidates(program, path));
  const argument = nextArgument(command, rest);
  return argument === undefined ? [] : await valuesOf(argument, typed);
}

async function valuesOf(
  { choices, complete: completer }: TextOption | Argument,
  typed: string,
): Promise<readonly CompletionCandidate[] | "files"> {
  if (completer === "files") return completer;
  return starting(
    typed,
    completer === undefined ? (choices ?? []).map((value) => ({ value })) : await completer(typed),
  );
}

function starting(typed: string, candidates: readonly CompletionCandidate[]): readonly CompletionCandidate[] {
  return candidates.filter(({ value }) => value.startsWith(typed));
}

function optionCandidates(options: Options, command: Command | undefined): CompletionCandidate[] {
  const json = command === undefined ? undefined : jsonOption(command);
  return [
    ...Object.entries(options).map(([name, { help }]) => ({ value: `--${name}`, help })),
    ...(json === undefined ? [] : [{ value: `--${json}`, help: "Print the result as JSON" }]),
    { value: "--help", help: "Show help" },
  ];
}

function commandCandidates(program: Program, path: readonly string[]): CompletionCandidate[] {
  const candidates = new Map<string, CompletionCandidate>();
  for (const { name, summary, hidden } of program.commands) {
    const words = name.split(" ");
    const value = words[path.length];
    if (hidden === true || value === undefined || !path.every((word, at) => words[at] === word)) continue;
    const here = words.slice(0, path.length + 1).join(" ");
    candidates.set(value, { value, help: here === name ? summary : (program.groups[here] ?? "") });
  }
  return [...candidates.values()];
}

/** The argument that the next word is for, `words` being the words behind the command's name. */
function nextArgument(command: Command, words: readonly string[]): Argument | undefined {
  let operands = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-") || word === "-") operands++;
    else if (namedOption(command.options, word)?.type === "text" && !word.includes("=")) at++;
  }
  const args = Object.values(command.arguments);
  const last = args.at(-1);
  return args[operands] ?? (last?.many === true ? last : undefined);
}

/** The same program with `completion` and the command that the scripts call. */
export function withCompletion(program: Program): Program {
  const command = commandsWith<unknown>();
  const whole: Program = { ...program, commands: [] };
  const added = [
    command({
      name: "completion",
      summary: "Print a completion script for a shell",
      examples: [
        {
          run: `source <(${program.name} completion bash)`,
          description: "completes in this shell; put it into ~/.bashrc",
        },
        {
          run: `${program.name} completion zsh > ~/.zfunc/_${program.name}`,
          description: "for zsh, in a directory of fpath",
        },
        { run: `${program.name} completion fish | source`, description: "for fish" },
      ],
      arguments: { shell: { value: "SHELL", help: "The shell", choices: shells } },
      run: (_context, { shell }) => Promise.resolve(completionScript(program.name, shell)),
    }),
    command({
      name: "__complete",
      summary: "Print what may stand for the last word",
      examples: [{ run: `${program.name} __complete comp`, description: "prints completion" }],
      hidden: true,
      passThrough: {},
      arguments: { words: { value: "WORD", help: "The words typed so far", many: true, optional: true } },
      async run(_context, { words }) {
        const candidates = await complete(whole, words);
        if (candidates === "files") return filesLine;
        return candidates.map(({ value, help }) => (help === undefined ? value : `${value}\t${help}`)).join("\n");
      },
    }),
  ];
  whole.commands = [...program.commands, ...added];
  return whole;
}

/** The script that makes `shell` ask the program. */
export function completionScript(name: string, shell: Shell): string {
  const id = name.replaceAll(/[^A-Za-z0-9]/g, "_");
  // bash replaces only what follows the last = or :, so what stands before it is taken off every candidate.
  const scripts: Record<Shell, string> = {
    bash: `# Completion of ${name} for bash: source <(${name} completion bash)
_${id}_complete() {
  local line=\${COMP_LINE:0:COMP_POINT} words candidate
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local current=\${words[\${#words[@]} - 1]}
  local kept=\${current%"\${current##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    if [[ $candidate == ${filesLine} ]]; then
      compopt -o default
      return
    fi
    [[ $candidate == *= ]] && compopt -o nospace
    COMPREPLY+=("\${candidate#"$kept"}")
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
}
complete -F _${id}_complete ${name}
`,
    zsh: `#compdef ${name}
# Completion of ${name} for zsh: as _${name} in a directory of fpath, or eval "$(${name} completion zsh)"
_${id}_complete() {
  local line value help
  local -a plain open
  for line in "\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line ]] && continue
    if [[ $line == ${filesLine} ]]; then
      _files
      return
    fi
    value=\${line%%$'\\t'*}
    help=\${line#*$'\\t'}
    if [[ $value == *= ]]; then open+=("$value"); else plain+=("\${value//:/\\\\:}:$help"); fi
  done
  if (( \${#open} )); then compadd -S '' -- "\${open[@]}"; fi
  if (( \${#plain} )); then _describe '${name}' plain; fi
}
if [[ $funcstack[1] == _${name} ]]; then _${id}_complete "$@"; else compdef _${id}_complete ${name}; fi
`,
    fish: `# Completion of ${name} for fish: ${name} completion fish | source
function __${id}_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] __complete $words[2..] 2>/dev/null)
    if test "$line" = "${filesLine}"
      __fish_complete_path (commandline -ct)
    else
      printf '%s\\n' $line
    end
  end
end
complete -c ${name} -f -a '(__${id}_complete)'
`,
  };
  return scripts[shell];
}
