/** The reference page of a program in Markdown, from the same values that help comes from. */
import { argumentTerm, optionHelp } from "./command-parser.ts";
import { jsonOption, type Command, type Options, type Program } from "./command.ts";

/** @param invocation how the page writes the program's name, for example "./orlop" */
export function referencePage(program: Program, invocation = program.name): string {
  const commands = program.commands.filter(({ hidden }) => hidden !== true);
  return [
    `# ${program.name}`,
    "",
    "<!-- Generated from the definitions of the commands by `./orlop generate`. -->",
    "",
    `${program.summary}.`,
    ...(program.description === undefined ? [] : ["", program.description]),
    ...optionLines(program.options, `Options of every command:`),
    ...commands.flatMap((command) => ["", ...section(command, invocation)]),
    "",
  ].join("\n");
}

function section(command: Command, invocation: string): string[] {
  const args = Object.values(command.arguments);
  const json = jsonOption(command);
  const words = [invocation, command.name, "[options]", ...args.map(argumentTerm)];
  const options = {
    ...command.options,
    ...(json === undefined ? {} : { [json]: { type: "boolean", help: "Print the result as JSON" } as const }),
  };
  if (Object.keys(options).length === 0) words.splice(2, 1);
  return [
    `## ${command.name}`,
    "",
    `${command.summary}.`,
    "",
    "```",
    words.join(" "),
    "```",
    ...(command.description === undefined ? [] : ["", command.description]),
    ...(args.length === 0 ? [] : ["", ...args.map((argument) => `- \`${argument.value}\`: ${argument.help}`)]),
    ...optionLines(options, "Options:"),
    "",
    "Examples:",
    "",
    "```",
    ...command.examples.flatMap(({ run, description }) => [`# ${description}`, run]),
    "```",
  ];
}

function optionLines(options: Options, title: string): string[] {
  const entries = Object.entries(options);
  if (entries.length === 0) return [];
  const lines = entries.map(([name, option]) => {
    const value = option.type === "text" ? ` ${option.value}` : "";
    const short = option.short === undefined ? "" : `, \`-${option.short}\``;
    return `- \`--${name}${value}\`${short}: ${optionHelp(option)}`;
  });
  return ["", title, "", ...lines];
}
