/** `./orlop userdata check` as a program of its own, which `./orlop` keeps compiled: editors call it at every save. */
import { runProgram } from "../../lib/command/command-line.ts";
import { program } from "../../lib/command/command.ts";
import { version } from "../../package.json";
import { check } from "./check.ts";
import { userdataGroups } from "./groups.ts";

const orlop = program({
  name: "orlop",
  summary: "Check user data",
  version,
  options: {},
  groups: userdataGroups,
  commands: [check],
  context: (invocation) => ({ invocation }),
});

await runProgram(orlop, process.argv.slice(2));
