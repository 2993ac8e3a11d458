/** `./orlop`: what people type on a laptop. Each verb is a file beside this one and imports what it needs when it runs. */
import { runProgram } from "../lib/command-line.ts";
import { program } from "../lib/command.ts";
import { version } from "../package.json";
import { apiclient } from "./apiclient.ts";
import { build } from "./build.ts";
import { serialConsole } from "./console.ts";
import { down } from "./down.ts";
import { logs } from "./logs.ts";
import { status } from "./status.ts";
import { test } from "./test.ts";
import { up } from "./up.ts";

export const orlop = program({
  name: "orlop",
  summary: "Build, boot, configure and test Orlop",
  version,
  description: `Start with \`./orlop up\`. Results go to standard output, everything else to standard error.
Exit code 0: done, 1: failed, 2: wrong usage.`,
  options: {},
  groups: {},
  commands: [up, down, status, apiclient, serialConsole, logs, build, test],
  context: (invocation) => ({ invocation }),
});

if (import.meta.main) await runProgram(orlop, process.argv.slice(2));
