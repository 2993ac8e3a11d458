/** Options and arguments that verbs of `./orlop publish` share. */
import { type Argument, type Options, type TextOption, usageFailure } from "../../lib/command/command.ts";

export const buildArgument = {
  value: "BUILD",
  help: "The build's list of artefacts, which lie beside it; or the directory of a single build",
  complete: "files",
} as const satisfies Argument;

export const outputOption = {
  type: "text",
  value: "DIRECTORY",
  help: "Where it goes; beside the build unless given",
  complete: "files",
} as const satisfies TextOption;

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

/**
 * A whole number of 1 or more.
 *
 * @throws {Failure<"usage">}
 */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw usageFailure(`a whole number of 1 or more is expected, not "${text}"`);
}
