/** What the verbs of `./orlop` share. */
import { join } from "node:path";
import { commandsWith, type Invocation, type TextOption } from "../lib/command/command.ts";
import type { OwnVariant } from "../variants/variant-file.ts";
import { architectures, type Variant } from "../variants/variant.ts";

export type CliContext = { readonly invocation: Invocation };
export const verb = commandsWith<CliContext>();

export const repository = join(import.meta.dir, "..");

export const variantOption = {
  type: "text",
  value: "NAME",
  help: "What kind of host",
  short: "V",
  default: "dev",
  complete: async () =>
    [...(await import("../variants/all.ts")).variants.values()].map(({ name, summary }) => ({
      value: name,
      help: summary,
    })),
} as const satisfies TextOption;

export const variantFileOption = {
  type: "text",
  value: "FILE",
  help: "A variant of your own, in TOML or TypeScript (docs/own-variant.md); instead of --variant",
  complete: "files",
} as const satisfies TextOption;

/**
 * What a command line chose: the name of a variant of the table, or what a file describes.
 *
 * @throws {Failure<"bad-variant-file" | "bad-toml" | "no-such-variant">}
 */
export async function chosenVariant(values: {
  readonly variant: string;
  readonly "variant-file": string | undefined;
}): Promise<string | OwnVariant> {
  const path = values["variant-file"];
  return path === undefined ? values.variant : await (await import("./image/own-variant.ts")).readVariantFile(path);
}

export async function variantIn(chosen: string | OwnVariant): Promise<Variant> {
  return typeof chosen === "string" ? (await import("../variants/all.ts")).variantNamed(chosen) : chosen.variant;
}

export const architectureOption = {
  type: "text",
  value: "ARCH",
  help: "For machines of this architecture; this computer's unless given",
  choices: architectures,
} as const satisfies TextOption;

export const mirrorOption = {
  type: "text",
  value: "URL",
  help: "Where Debian packages come from; this computer's apt configuration unless given",
} as const satisfies TextOption;

/** Where `build` leaves images and `up` keeps machines. */
export const buildDirectory = join(repository, "build");
