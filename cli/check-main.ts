/** `./orlop check` as a program of its own, for `./orlop` to keep compiled: editors and hooks call it at every save. */
import { runProgram } from "../lib/command/command-line.ts";
import { program } from "../lib/command/command.ts";
import { version } from "../package.json";
import { check } from "./check.ts";

const orlop = program({
  name: "orlop",
  summary: "Check user data",
  version,
  options: {},
  groups: {},
  commands: [check],
  context: (invocation) => ({ invocation }),
});

await runProgram(orlop, process.argv.slice(2));
