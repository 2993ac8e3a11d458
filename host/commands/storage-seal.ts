/** `storage-seal`: makes the partitions of this host anew, encrypted, and says why they stay closed. */
import { explainClosed } from "../sealing/explain.ts";
import { sealData } from "../sealing/seal-data.ts";
import { sealPrivate } from "../sealing/seal-private.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

const ofPrivate = hostCommand({
  name: "private",
  summary: "Make the private partition anew, sealed to the TPM, as the first boot has ordered",
  examples: [{ run: "storage-seal private", description: "as seal-private.service does" }],
  run: async ({ system }) => await sealPrivate(system),
  print: (done) => done,
});

const ofData = hostCommand({
  name: "data",
  summary: "Make the data partition anew, encrypted by a key on the private partition",
  examples: [{ run: "storage-seal data", description: "as seal-data.service does" }],
  run: async ({ system }) => await sealData(system),
  print: (done) => done,
});

const explain = hostCommand({
  name: "explain",
  summary: "Say why the private partition stays closed",
  examples: [{ run: "storage-seal explain", description: "as explain-closed.service does" }],
  run: async ({ system }) => await explainClosed(system),
  print: (sentences) => sentences,
});

export const storageSealProgram = hostProgram({
  name: "storage-seal",
  summary: "Partitions that only this machine opens",
  commands: [ofPrivate, ofData, explain],
});

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(storageSealProgram, words);
}
