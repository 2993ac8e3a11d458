/** Commands that help texts, pages and the README show are commands that there are. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { orlop } from "../cli/main.ts";
import { laptopClient } from "../console/client.ts";
import { helpText, parse } from "../lib/command/command-parser.ts";
import type { Program } from "../lib/command/command.ts";
import { withCompletion } from "../lib/command/completion.ts";
import { facedLayers } from "./faces.ts";
import { shellWords } from "./shell-words.ts";

const repository = join(import.meta.dir, "..");
const scan = (pattern: string): string[] => [...new Bun.Glob(pattern).scanSync(repository)];
const programs = [
  { spelling: "./orlop", program: withCompletion(await orlop([])) },
  { spelling: "apiclient", program: withCompletion(laptopClient) },
] as const;

/** What is wrong with a line that calls one of the programs; undefined when nothing is, or when it calls none. */
function complaint(line: string): string | undefined {
  const words = shellWords(line);
  const called = programs.find(({ spelling }) => spelling === words?.[0]);
  if (called === undefined || words === undefined) return undefined;
  return refusal(called.program, words.slice(1), line);
}

function refusal(program: Program, words: readonly string[], line: string): string | undefined {
  const parsed = parse(program, words);
  if (parsed.kind === "usage") return `${line}: ${parsed.message}`;
  const inner = parsed.kind === "run" && parsed.command.name === "apiclient" ? parsed.values["words"] : undefined;
  return Array.isArray(inner) && inner.length > 0 ? refusal(programs[1].program, inner.map(String), line) : undefined;
}

test.each(programs)("every command of $spelling has an example, and help that shows it", ({ program }) => {
  for (const { name, examples, hidden, passThrough } of program.commands) {
    if (hidden === true) continue;
    expect(examples.length).toBeGreaterThan(0);
    if (passThrough === undefined) expect(helpText(program, name.split(" "))).toContain(`${examples[0].run}  `);
  }
});

test.each(programs)("every example of $spelling is a command line that it takes", ({ program }) => {
  const lines = program.commands.flatMap(({ examples }) => examples.map(({ run }) => run));
  expect(lines.flatMap((line) => complaint(line) ?? [])).toEqual([]);
});

const pages = [
  "README.md",
  "ARCHITECTURE.md",
  ...scan("docs/**/*.md"),
  ...scan(`{${facedLayers.join(",")}}/**/README.md`),
];

test.each(pages)("every command line in %s is one that there is", async (page) => {
  const text = await readFile(join(repository, page), "utf8");
  const blocks = [...text.matchAll(/^```\w*\n(.*?)^```/gms)].map(([, block]) => block ?? "");
  const lines = blocks
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/^\$ /, "")) // the prompt, where output follows
    .filter((line) => !/[[<][A-Za-z]/.test(line)) // placeholders stand in brackets
    .map((line) => line.split(/(?<=\S) {2,}/, 1)[0] ?? "") // what is explained stands in a column of its own
    .filter((line) => !line.startsWith(" ")); // drawings
  expect(lines.flatMap((line) => complaint(line) ?? [])).toEqual([]);
});

test("a line that is wrong is seen", () => {
  expect(complaint("./orlop up --detatch")).toContain("unknown option '--detatch' (did you mean --detach?)");
  expect(complaint("./orlop apiclient --machine web sett motd=hi")).toContain("unknown command 'sett'");
  expect(complaint("./orlop apiclient set motd='a b'   # says a b")).toBeUndefined();
  expect(complaint("source <(apiclient completion bash)")).toBeUndefined();
  expect(shellWords(`apiclient set 'a b' "c"d | less`)).toEqual(["apiclient", "set", "a b", "cd"]);
});
