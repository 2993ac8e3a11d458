/** `extensions`: brings system extensions onto the data partition and into /usr, for their units. */
import { fetchExtensions } from "../extensions/fetch-extensions.ts";
import { mergeExtensions } from "../extensions/merge-extensions.ts";
import type { Merged } from "../extensions/records.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

const fetch = hostCommand({
  name: "fetch",
  summary: "Bring the extensions that settings choose, for a version of the OS, and remove the others",
  examples: [{ run: "extensions fetch 1.2.3", description: "as fetch-extensions@1.2.3.service does" }],
  arguments: { version: { value: "VERSION", help: "The version that runs, or that is to run next" } },
  run: async ({ system, invocation }, { version }) => await fetchExtensions(system, version, invocation.signal),
  print: (fetched) => (fetched.length === 0 ? "nothing to fetch" : fetched.map((name) => `fetched ${name}`).join("\n")),
});

const merge = hostCommand({
  name: "merge",
  summary: "Put the extensions of the version that runs into /usr",
  examples: [{ run: "extensions merge", description: "as merge-extensions.service does, once in a boot" }],
  run: async ({ system, invocation }) => await mergeExtensions(system, invocation.signal),
  print: (merged) => merged.map(describeMerged).join("\n"),
});

function describeMerged(extension: Merged[number]): string {
  const { name } = extension;
  if (extension.state === "refused") return `${name} is not: ${extension.reason}`;
  return extension.state === "active" ? `${name} is in /usr` : `${name} is not: it is not on the data partition`;
}

export const extensionsProgram = hostProgram({
  name: "extensions",
  summary: "System extensions: what is in /usr beside the image",
  commands: [fetch, merge],
});

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(extensionsProgram, words);
}
