/** `./orlop`: what people type on a laptop. Each verb is a file beside this one and imports what it needs when it runs. */
import { runProgram } from "../lib/command/command-line.ts";
import { program, type Program } from "../lib/command/command.ts";
import { version } from "../package.json";
import { apiclient } from "./machine/apiclient.ts";
import { bench } from "./bench.ts";
import { build } from "./image/build.ts";
import { clusterCommands, clusterGroups, helm, kubectl } from "./machine/cluster.ts";
import { serialConsole } from "./machine/console.ts";
import { dev } from "./dev.ts";
import { down } from "./machine/down.ts";
import { extensionBuild } from "./image/extension.ts";
import { fleetCommands, fleetGroups } from "./fleet/fleet.ts";
import { simulateCommands, simulateGroups } from "./fleet/simulate.ts";
import { generate } from "./generate.ts";
import { logs } from "./machine/logs.ts";
import { publishCommands, publishGroups } from "./publish/commands.ts";
import { release } from "./publish/release.ts";
import { registry } from "./machine/registry.ts";
import { revoke } from "./revoke.ts";
import { status } from "./machine/status.ts";
import { test } from "./test.ts";
import { up } from "./machine/up.ts";
import { check } from "./userdata/check.ts";
import { fromEksctl } from "./userdata/from-eksctl.ts";
import { userdataGroups } from "./userdata/groups.ts";

const extensionGroups = { extension: "What is in /usr of hosts beside their image" } as const;

const verbs = [
  up,
  down,
  status,
  apiclient,
  kubectl,
  helm,
  serialConsole,
  logs,
  registry,
  build,
  release,
  revoke,
  test,
  bench,
  dev,
  generate,
];

/**
 * The program for a command line. `repo` brings the libraries of TUF with it, which take longer to load than a quick
 * verb takes in all; lines that start with another verb do without.
 */
export async function orlop(words: readonly string[]): Promise<Program> {
  const groups = {
    ...userdataGroups,
    ...clusterGroups,
    ...publishGroups,
    ...extensionGroups,
    ...fleetGroups,
    ...simulateGroups,
  };
  const needsNoRepo = [...verbs.map(({ name }) => name), ...Object.keys(groups)].some((name) => name === words[0]);
  const { repoCommands, repoGroups } = needsNoRepo ? { repoCommands: [], repoGroups: {} } : await import("./repo.ts");
  return program({
    name: "orlop",
    summary: "Build, boot, configure and test Orlop",
    version,
    description: `Start with \`./orlop up\`. Results go to standard output, everything else to standard error.
Exit code 0: done, 1: failed, 2: wrong usage.`,
    options: {},
    groups: { ...groups, ...repoGroups },
    commands: [
      ...verbs,
      ...clusterCommands,
      ...publishCommands,
      extensionBuild,
      ...fleetCommands,
      ...simulateCommands,
      check,
      fromEksctl,
      ...repoCommands,
    ],
    context: (invocation) => ({ invocation }),
  });
}

if (import.meta.main) {
  const words = process.argv.slice(2);
  await runProgram(await orlop(words), words);
}
