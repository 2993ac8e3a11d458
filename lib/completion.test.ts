import { expect, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { invoke } from "./command-line.ts";
import { commandsWith, program } from "./command.ts";
import { complete, completionScript } from "./completion.ts";
import { run } from "./process.ts";

const command = commandsWith<object>();
const keys = ["settings.motd", "settings.ntp.time-servers"];
const boat = program({
  name: "boat",
  summary: "A boat",
  version: "1",
  options: { harbour: { type: "text", value: "NAME", help: "Where it lies", short: "h", choices: ["home", "away"] } },
  groups: { sail: "Sails" },
  context: () => ({}),
  commands: [
    command({
      name: "sail set",
      summary: "Set a sail",
      examples: [{ run: "boat sail set main", says: "sets it" }],
      options: { file: { type: "text", value: "PATH", help: "A plan", complete: "files" } },
      arguments: {
        which: { value: "SAIL", help: "Which", choices: ["main", "jib"] },
        keys: {
          value: "KEY=VALUE",
          help: "How",
          many: true,
          complete: () => keys.map((key) => ({ value: `${key}=`, help: "a key" })),
        },
      },
      run: () => Promise.resolve(1),
      print: String,
    }),
    command({
      name: "shore",
      summary: "Talk to the shore",
      examples: [{ run: "boat shore hello", says: "says hello" }],
      passThrough: { complete: (words) => Promise.resolve([{ value: words.join("+") }]) },
      arguments: { words: { value: "WORD", help: "What", many: true } },
      run: () => Promise.resolve(1),
    }),
  ],
});

const offered = async (...words: string[]): Promise<string[] | string> => {
  const candidates = await complete(boat, words);
  return candidates === "files" ? candidates : candidates.map(({ value }) => value);
};

test("offers commands, groups and the words below them", async () => {
  expect(await complete(boat, ["s"])).toEqual([
    { value: "sail", help: "Sails" },
    { value: "shore", help: "Talk to the shore" },
  ]);
  expect(await offered("sail", "")).toEqual(["set"]);
  expect(await offered("--harbour", "home", "sa")).toEqual(["sail"]);
});

test("offers options of the command and of the program", async () => {
  expect(await offered("sail", "set", "--")).toEqual(["--harbour", "--file", "--json", "--help"]);
});

test("offers the values of an option, in both spellings", async () => {
  expect(await offered("--harbour", "h")).toEqual(["home"]);
  expect(await offered("--harbour=a")).toEqual(["--harbour=away"]);
  expect(await offered("sail", "set", "--file", "x")).toBe("files");
});

test("offers the values of the argument that is next", async () => {
  expect(await offered("sail", "set", "")).toEqual(["main", "jib"]);
  expect(await offered("sail", "set", "main", "settings.n")).toEqual(["settings.ntp.time-servers="]);
  expect(await offered("sail", "set", "--file", "x", "main", "settings.motd=1", "settings.m")).toEqual([
    "settings.motd=",
  ]);
});

test("asks a pass-through command about its own words", async () => {
  expect(await offered("shore", "a", "--b", "c")).toEqual(["a+--b+c"]);
});

test("the hidden command that scripts call prints a candidate a line", async () => {
  expect((await invoke(boat, ["__complete", "sail", "set", "main", ""])).stdout).toBe(
    "settings.motd=\ta key\nsettings.ntp.time-servers=\ta key\n",
  );
});

/** Runs a script in a directory where `boat` is a program that prints what `__complete` prints for its words. */
async function inShell(argv: readonly [string, ...string[]], script: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "completion-"));
  try {
    const answers: Record<string, string> = {};
    for (const words of [["sa"], ["sail", "set", "main", "settings.m"], ["sail", "set", "main", "a=b", "settings.n"]]) {
      answers[words.join(" ")] = (await invoke(boat, ["__complete", ...words])).stdout;
    }
    const cases = Object.entries(answers).map(([words, out]) => `"__complete ${words}") printf '%s' '${out}' ;;`);
    await Bun.write(join(directory, "boat"), `#!/bin/sh\ncase "$*" in\n${cases.join("\n")}\nesac\n`);
    await chmod(join(directory, "boat"), 0o755);
    const PATH = `${directory}:${process.env["PATH"] ?? ""}`;
    return (await run(argv, { env: { PATH, HOME: directory, TERM: "dumb" }, cwd: directory, stdin: script })).stdout;
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("the bash script completes words and keys, without a space behind an =", async () => {
  const ask = (line: string): string =>
    `COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; _boat_complete; echo "\${COMPREPLY[*]}"\n`;
  // compopt works only while bash itself completes.
  const script = `compopt() { echo "compopt $*"; }\n${completionScript("boat", "bash")}`;
  const lines = ["boat sa", "boat sail set main settings.m", "boat sail set main a=b settings.n"];
  expect(await inShell(["bash"], script + lines.map(ask).join(""))).toBe(
    "sail\ncompopt -o nospace\nsettings.motd=\ncompopt -o nospace\nsettings.ntp.time-servers=\n",
  );
});

test.skipIf(Bun.which("fish") === null)("the fish script completes words and keys", async () => {
  const script = `${completionScript("boat", "fish")}\ncomplete -C "boat sa"\ncomplete -C "boat sail set main settings.m"\n`;
  expect(await inShell(["fish"], script)).toBe("sail\tSails\nsettings.motd=\ta key\n");
});

test.skipIf(Bun.which("zsh") === null)("the zsh script completes words and keys", async () => {
  const script = `autoload -Uz compinit && compinit -u
compadd() { echo "compadd $*"; }
_describe() { echo "describe $*: $plain"; }
${completionScript("boat", "zsh")}
words=(boat sa) CURRENT=2 _boat_complete
words=(boat sail set main settings.m) CURRENT=5 _boat_complete
`;
  expect(await inShell(["zsh", "-f"], script)).toBe("describe boat plain: sail:Sails\ncompadd -S  -- settings.motd=\n");
});
