/** Protects: what people get when they press the tab key, in the shells themselves. */
import { beforeAll, expect, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openToolsRoot, runTool, type ToolsRoot } from "../../../image/packages/tools-root.ts";
import { completionScript } from "../../../lib/command/completion.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { boat } from "../../cases/boat.ts";

let shells: ToolsRoot;
beforeAll(async () => {
  shells = await openToolsRoot({ sets: ["shells"] });
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
    const env = { PATH: `${directory}:/usr/bin`, HOME: directory, TERM: "dumb" };
    return (await runTool(shells, argv, { binds: [directory], cwd: directory, env, stdin: script })).stdout;
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

test("the fish script completes words and keys", async () => {
  const script = `${completionScript("boat", "fish")}\ncomplete -C "boat sa"\ncomplete -C "boat sail set main settings.m"\n`;
  expect(await inShell(["fish"], script)).toBe("sail\tSails\nsettings.motd=\ta key\n");
});

test("the zsh script completes words and keys", async () => {
  const script = `autoload -Uz compinit && compinit -u
compadd() { echo "compadd $*"; }
_describe() { echo "describe $*: $plain"; }
${completionScript("boat", "zsh")}
words=(boat sa) CURRENT=2 _boat_complete
words=(boat sail set main settings.m) CURRENT=5 _boat_complete
`;
  expect(await inShell(["zsh", "-f"], script)).toBe("describe boat plain: sail:Sails\ncompadd -S  -- settings.motd=\n");
});
