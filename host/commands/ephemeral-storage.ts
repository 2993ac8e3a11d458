/** `ephemeral-storage`: does what hostd was asked for, with the rights that it lacks. */
import { readFile } from "node:fs/promises";
import { runProgram } from "../../lib/command/command-line.ts";
import { commandsWith, program, type Program } from "../../lib/command/command.ts";
import { parseJson } from "../../lib/text/json.ts";
import { version } from "../../package.json";
import { requestPath, requestSchema } from "../ephemeral-storage/places.ts";
import { prepareEphemeral } from "../ephemeral-storage/prepare.ts";
import { hostPath, linuxSystem, type System } from "../machine/system.ts";

type Context = { system: System };
const command = commandsWith<Context>();

const run = command({
  name: "run",
  summary: "Prepare ephemeral disks as hostd was asked to",
  examples: [{ run: "ephemeral-storage run", description: "as ephemeral-storage.service does" }],
  async run({ system }) {
    const request = requestSchema.parse(parseJson(await readFile(hostPath(system, requestPath), "utf8")));
    return await prepareEphemeral(system, request);
  },
  print: (text) => text,
});

export function ephemeralStorageProgram(system: System): Program {
  return program({
    name: "ephemeral-storage",
    summary: "Ephemeral disks of this machine",
    version,
    options: {},
    groups: {},
    commands: [run],
    context: () => ({ system }),
  });
}

export async function main(words: readonly string[]): Promise<never> {
  return await runProgram(ephemeralStorageProgram(linuxSystem()), words);
}
