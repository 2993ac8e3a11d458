/** From the words of a command line to the command that is meant and its values. Commander splits; this file asks and answers. */
import { Command as Commander, CommanderError, Option as CommanderOption } from "commander";
import {
  jsonOption,
  usageFailure,
  type Argument,
  type Arguments,
  type Command,
  type Option,
  type Options,
  type Program,
  type TextOption,
  type CommandValues,
} from "./command.ts";
import { isFailure } from "../failure.ts";

export type ParsedCommand =
  | { kind: "run"; command: Command; values: CommandValues; globals: CommandValues; json: boolean }
  /** Somebody asked for help or the version. */
  | { kind: "text"; text: string }
  /** `see` is the command whose help tells more. */
  | { kind: "usage"; message: string; see: string };

const helpColumns = 110;

/** Finds the command and its values in the words behind the program's name. */
export function parse(program: Program, words: readonly string[]): ParsedCommand {
  let text = "";
  let chosen: { command: Command; commander: Commander } | undefined;
  const root = commanderOf(program, wantsUnnamed(program, words), {
    write: (part) => (text += part),
    choose: (command, commander) => (chosen = { command, commander }),
  });
  const { path } = locate(program, words);
  const see = [program.name, ...path].join(" ");
  try {
    root.parse(protectRest(program, words), { from: "user" });
    if (chosen === undefined) throw new Error("bug: commander neither chose a command nor failed");
    const { command, commander } = chosen;
    const json = jsonOption(command);
    return {
      kind: "run",
      command,
      values: { ...optionValues(commander, command.options), ...argumentValues(commander, command.arguments) },
      globals: optionValues(root, program.options),
      json: json !== undefined && readOption(commander, json) === true,
    };
  } catch (error) {
    if (isFailure(error, "usage")) return { kind: "usage", message: error.message, see };
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "text", text };
    if (error.code === "commander.help") return { kind: "usage", message: expectedWords(program, path), see };
    return { kind: "usage", message: reworded(error.message), see };
  }
}

/** The help of one command, or of the program when `path` is empty. */
export function helpText(program: Program, path: readonly string[]): string {
  const parsed = parse(program, [...path, "--help"]);
  return parsed.kind === "text" ? parsed.text : "";
}

/**
 * The words at the start of a command line that name a command or a group, options of the program left out, and where
 * the words behind them start.
 */
export function locate(program: Program, words: readonly string[]): { path: string[]; next: number } {
  const path: string[] = [];
  let next = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") break;
    if (word.startsWith("-")) {
      at += wordsOfOption(program.options, word) - 1;
      continue;
    }
    const longer = [...path, word].join(" ");
    if (!program.commands.some(({ name }) => name === longer || name.startsWith(`${longer} `))) break;
    path.push(word);
    next = at + 1;
  }
  return { path, next };
}

/** How many words an option takes with its value; 1 for an option that is not declared. */
function wordsOfOption(options: Options, word: string): 1 | 2 {
  return namedOption(options, word)?.type === "text" && !word.includes("=") ? 2 : 1;
}

/** The declared option behind a word such as "-s", "--socket-path" or "--socket-path=x". */
export function namedOption(options: Options, word: string): Option | undefined {
  const [name] = word.split("=", 1);
  return Object.entries(options).find(
    ([long, option]) =>
      name === `--${long}` ||
      (option.short !== undefined && name === `-${option.short}`) ||
      (option.type === "text" && option.alsoShort !== undefined && name === `-${option.alsoShort}`),
  )?.[1];
}

/** Paragraphs, whose lines are broken for the reader of help and not where they are in the source. */
function about({ summary, description = "" }: { summary: string; description?: string }): string {
  return `${summary}\n\n${description.replaceAll(/(?<!\n)\n(?!\n)/g, " ")}`.trim();
}

function commanderOf(
  program: Program,
  unnamed: boolean,
  sink: { write(text: string): void; choose(command: Command, commander: Commander): void },
): Commander {
  const root = new Commander(program.name)
    .description(about(program))
    .exitOverride()
    .configureOutput({
      writeOut: (text) => sink.write(text),
      writeErr: () => undefined, // the error that is thrown says the same
      getOutHelpWidth: () => Math.min(process.stdout.columns ?? helpColumns, helpColumns),
    })
    .version(`${program.name} ${program.version}`, "--version", "Print the version")
    .helpOption("-h, --help", "Show what can be done")
    .helpCommand("help [command]", "Show what can be done, or more about a command");
  addOptions(root, program.options);
  const groups = new Map<string, Commander>([["", root]]);
  for (const command of program.commands) {
    const commander = parentOf(command.name, groups, program).command(command.name.split(" ").at(-1) ?? "", {
      hidden: command.hidden ?? false,
      isDefault: unnamed && program.unnamed?.command === command.name,
    });
    commander.summary(command.summary).description(about(command));
    commander.helpOption("-h, --help", "Show this");
    addOptions(commander, command.options);
    const json = jsonOption(command);
    if (json !== undefined) commander.option(`--${json}`, "Print the result as JSON");
    for (const argument of Object.values(command.arguments)) {
      commander.argument(argumentTerm(argument), argumentHelp(argument));
    }
    const width = Math.max(...command.examples.map(({ run }) => run.length));
    commander.addHelpText(
      "after",
      [
        "",
        "Examples:",
        ...command.examples.map(({ run, description }) => `  ${run.padEnd(width)}  ${description}`),
      ].join("\n"),
    );
    commander.action(() => sink.choose(command, commander));
  }
  return root;
}

/** Whether the command that needs no name is meant: none is named, and one of its options is there. */
function wantsUnnamed(program: Program, words: readonly string[]): boolean {
  const marks = program.unnamed?.options ?? [];
  return (
    locate(program, words).path.length === 0 &&
    words.some((word) => marks.some((mark) => word === mark || word.startsWith(`${mark}=`)))
  );
}

/** Sets the words that a pass-through command takes as they are apart, so that nobody reads options out of them. */
function protectRest(program: Program, words: readonly string[]): string[] {
  const { path, next } = locate(program, words);
  const command = program.commands.find(({ name }) => name === path.join(" "));
  if (command?.passThrough === undefined) return [...words];
  let at = next;
  for (;;) {
    const word = words[at] ?? "";
    if (!word.startsWith("-") || namedOption(command.options, word) === undefined) break;
    at += wordsOfOption(command.options, word);
  }
  return [...words.slice(0, at), "--", ...words.slice(at)];
}

function expectedWords(program: Program, path: readonly string[]): string {
  const depth = path.length;
  const below = program.commands.filter(({ name, hidden }) => {
    return hidden !== true && (depth === 0 || name.startsWith(`${path.join(" ")} `));
  });
  const next = [...new Set(below.map(({ name }) => name.split(" ")[depth] ?? ""))];
  return `a command is expected after \`${[program.name, ...path].join(" ")}\`: one of ${next.join(", ")}`;
}

/** Commander's words as part of a sentence: "error: unknown command 'gte'\n(Did you mean get?)". */
function reworded(message: string): string {
  return message
    .replace(/^error: /, "")
    .replaceAll(/\s*\(Did you mean/g, " (did you mean")
    .replaceAll("\n", " ");
}

function parentOf(name: string, groups: Map<string, Commander>, program: Program): Commander {
  const parents = name.split(" ").slice(0, -1);
  const known = groups.get(parents.join(" "));
  if (known !== undefined) return known;
  const group = parents.join(" ");
  const commander = parentOf(group, groups, program).command(parents.at(-1) ?? "");
  commander.description(program.groups[group] ?? "");
  groups.set(group, commander);
  return commander;
}

function addOptions(commander: Commander, options: Options): void {
  for (const [name, option] of Object.entries(options)) {
    const short = option.short === undefined ? "" : `-${option.short}, `;
    if (option.type === "boolean") {
      commander.option(`${short}--${name}`, option.help);
      continue;
    }
    commander.addOption(collecting(new CommanderOption(`${short}--${name} <${option.value}>`, optionHelp(option))));
    if (option.alsoShort !== undefined) {
      commander.addOption(collecting(new CommanderOption(`-${option.alsoShort} <${option.value}>`).hideHelp()));
    }
  }
}

/** Every value is kept, so that an option that stands twice can be refused. */
function collecting(option: CommanderOption): CommanderOption {
  return option.argParser((text: string, earlier: string[] | undefined) => [...(earlier ?? []), text]);
}

/** The help of an option with what its definition says besides. */
export function optionHelp(option: Option): string {
  if (option.type === "boolean") return option.help;
  const notes = [
    ...(option.choices === undefined ? [] : [`one of ${option.choices.join(", ")}`]),
    ...(option.default === undefined ? [] : [`default ${option.default}`]),
    ...(option.many === true ? ["may be repeated"] : []),
  ];
  return notes.length === 0 ? option.help : `${option.help} (${notes.join("; ")})`;
}

function argumentHelp({ help, choices }: Argument): string {
  return choices === undefined ? help : `${help} (one of ${choices.join(", ")})`;
}

/** "<KEY>", "[URI...]" as usage lines write arguments. */
export function argumentTerm(argument: Argument): string {
  const many = argument.many === true ? "..." : "";
  return argument.optional === true ? `[${argument.value}${many}]` : `<${argument.value}${many}>`;
}

/** Commander keeps the value of `--socket-path` as "socketPath" and that of `-X` as "X". */
function readOption(commander: Commander, name: string): unknown {
  const flag = name.length === 1 ? `-${name}` : `--${name}`;
  return commander.getOptionValue(new CommanderOption(flag).attributeName());
}

function optionValues(commander: Commander, options: Options): CommandValues {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    if (option.type === "boolean") {
      // Commander keeps `--tty` and `--no-tty` as one value; the one that comes last counts.
      values[name] = readOption(commander, name) === !name.startsWith("no-");
      continue;
    }
    const optionTexts = [name, ...(option.alsoShort === undefined ? [] : [option.alsoShort])].flatMap((flag) => {
      const texts = readOption(commander, flag);
      return Array.isArray(texts) ? texts.map(String) : [];
    });
    if (option.required === true && optionTexts.length === 0) {
      throw usageFailure(`the option --${name} ${option.value} is required: ${option.help.toLowerCase()}`);
    }
    if (option.many !== true && optionTexts.length > 1)
      throw usageFailure(`the option --${name} may be given once only`);
    if (optionTexts.length === 0 && option.default !== undefined) optionTexts.push(option.default);
    const converted = optionTexts.map((text) => convert(`the option --${name}`, option, text));
    values[name] = option.many === true ? converted : converted[0];
  }
  return values;
}

function argumentValues(commander: Commander, args: Arguments): CommandValues {
  const words = [...commander.args];
  const values: Record<string, unknown> = {};
  for (const [name, argument] of Object.entries(args)) {
    const texts = argument.many === true ? words.splice(0) : words.splice(0, 1);
    const converted = texts.map((text) => convert(argument.value, argument, text));
    values[name] = argument.many === true ? converted : converted[0];
  }
  return values;
}

function convert(subject: string, { choices, parse: parser }: TextOption | Argument, text: string): unknown {
  if (choices !== undefined && !choices.includes(text)) {
    throw usageFailure(`${subject} must be one of ${choices.join(", ")}, not "${text}"`);
  }
  if (parser === undefined) return text;
  try {
    return parser(text);
  } catch (error) {
    if (isFailure(error)) throw usageFailure(`${subject}: ${error.message}`);
    throw error;
  }
}
