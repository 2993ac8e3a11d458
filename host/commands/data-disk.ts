/** `data-disk`: makes the data partition on a disk of its own. */
import { makeDataDisk } from "../data-disk/make.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

const make = hostCommand({
  name: "make",
  summary: "Make the data partition on the empty disk of this machine",
  examples: [{ run: "data-disk make", description: "as make-data-disk.service does" }],
  run: async ({ system }) => await makeDataDisk(system),
  print: (uuid) => `the data partition is ${uuid}`,
});

export const dataDiskProgram = hostProgram({
  name: "data-disk",
  summary: "The data partition on a disk of its own",
  commands: [make],
});

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(dataDiskProgram, words);
}
