/** Options and arguments that verbs of `./orlop publish` share. */
import type { Argument, Options } from "../../lib/command/command.ts";

export const buildArgument = {
  value: "BUILD",
  help: "The build's list of artefacts, which lie beside it; or the directory of a single build",
  complete: "files",
} as const satisfies Argument;

export const dryRunOption = { type: "boolean", help: "Look and tell what would be done, and change nothing" } as const;

export const awsOptions = {
  infra: {
    type: "text",
    value: "FILE",
    help: "Regions, roles and the prefix of parameters",
    default: "Infra.toml",
    complete: "files",
  },
  regions: {
    type: "text",
    value: "REGION,…",
    help: "Only these of the file",
    parse: parseNames,
  },
  "dry-run": dryRunOption,
} as const satisfies Options;

/** "a,b" as words; the empty text has none. */
export function parseNames(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
