/** `ephemeral-storage`: does what hostd was asked for, with the rights that it lacks. */
import { readFile } from "node:fs/promises";
import { parseJson } from "../../lib/text/json.ts";
import { requestPath, requestSchema } from "../ephemeral-storage/places.ts";
import { prepareEphemeral } from "../ephemeral-storage/prepare.ts";
import { hostPath } from "../machine/system.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

const run = hostCommand({
  name: "run",
  summary: "Prepare ephemeral disks as hostd was asked to",
  examples: [{ run: "ephemeral-storage run", description: "as ephemeral-storage.service does" }],
  async run({ system }) {
    const request = requestSchema.parse(parseJson(await readFile(hostPath(system, requestPath), "utf8")));
    return await prepareEphemeral(system, request);
  },
  print: (text) => text,
});

export const ephemeralStorageProgram = hostProgram({
  name: "ephemeral-storage",
  summary: "Ephemeral disks of this machine",
  commands: [run],
});

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(ephemeralStorageProgram, words);
}
