/** What the verbs of `./orlop` share. */
import { join } from "node:path";
import { commandsWith, type Invocation, type TextOption } from "../lib/command/command.ts";
import { architectures } from "../variants/variant.ts";

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
