/**
 * A variant of somebody's own, as a file outside this tree says it: what it is based on, and what it has beyond that.
 *
 * The same shape in TOML, and as the default export of a TypeScript module.
 */
import { z } from "zod";
import { Failure } from "../lib/failure.ts";
import { isJsonObject, type JsonObject } from "../lib/text/json.ts";
import type { DefaultsOf } from "../settings/groups/group.ts";
import { modelFor } from "../settings/model/model.ts";
import { variants, variantNamed } from "./all.ts";
import { withDefaults } from "./defaults.ts";
import { architectures, type Architecture, type Variant } from "./variant.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits of SHA-256 are expected");
/** A path in the root of the image, without the slash before it. */
const place = z
  .string()
  .regex(/^(usr|etc)\/(?!.*(^|\/)\.\.?(\/|$)).*[^/]$/, "a path below usr/ or etc/ is expected: usr/bin/agent");

export const variantFileSchema = z.strictObject({
  /** As in `VARIANT_ID` and in the repository of updates. */
  name: z.string().regex(/^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/, "lower-case words joined by - or . are expected"),
  /** The variant that it has all else from. */
  base: z.string(),
  summary: z.string().optional(),
  /** Further Debian packages. */
  packages: z.array(z.string()).default([]),
  /** Put behind those of the base. */
  "kernel-parameters": z.array(z.string().regex(/^\S+$/, "one parameter without spaces is expected")).default([]),
  /** Settings that hosts have unless they are set. */
  defaults: z.record(z.string(), z.unknown()).default({}),
  /** Debian packages that lie beside the file. */
  deb: z.array(z.strictObject({ file: z.string().min(1), sha256, arch: z.enum(architectures).optional() })).default([]),
  /** Single files; a unit with an [Install] section is enabled. */
  file: z
    .array(
      z.strictObject({
        path: place,
        source: z.string().min(1),
        sha256,
        mode: z.enum(["0644", "0755"]).default("0644"),
        arch: z.enum(architectures).optional(),
      }),
    )
    .default([]),
  /** Directory of the key that signs its images; made when it is not there. */
  "signing-keys": z.string().optional(),
  /** As `--update-root` and `--update-url`. */
  "update-root": z.string().optional(),
  "update-url": z.url({ protocol: /^https?$/ }).optional(),
});

/** What a file says, before its defaults are filled in. */
export type VariantFile = z.input<typeof variantFileSchema>;
export type ReadVariantFile = z.output<typeof variantFileSchema>;

/** A variant that a file describes. */
export type OwnVariant = {
  variant: Variant;
  file: ReadVariantFile;
  /** Where it was read. */
  path: string;
};

/**
 * The variant that a file describes.
 *
 * @throws {Failure<"bad-variant-file" | "no-such-variant">}
 */
export function variantOf(file: ReadVariantFile): Variant {
  const base = variantNamed(file.base);
  const refuse = (reason: string): Failure =>
    new Failure("bad-variant-file", `cannot use the variant ${file.name}: ${reason}`);
  if (variants.has(file.name)) throw refuse("a variant of Orlop has this name");
  const twice = file.packages.find((name) => base.packages.includes(name));
  if (twice !== undefined) throw refuse(`${base.name} has the package ${twice} already`);
  const variant: Variant = {
    ...base,
    name: file.name,
    summary: file.summary ?? `${base.summary}; a variant of somebody's own`,
    packages: [...base.packages, ...file.packages],
    kernelParameters: [...base.kernelParameters, ...file["kernel-parameters"]],
  };
  const parsed = modelFor({ ...variant, defaults: {} }).parse(jsonOf(file.defaults, refuse));
  if (!parsed.ok)
    throw refuse(`its defaults are no settings: ${parsed.problems.map(({ message }) => message).join("; ")}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the model of the variant has just taken it
  return withDefaults(variant, parsed.value as DefaultsOf);
}

function jsonOf(tree: Record<string, unknown>, refuse: (reason: string) => Failure): JsonObject {
  const json: unknown = JSON.parse(JSON.stringify(tree));
  if (isJsonObject(json)) return json;
  throw refuse("its defaults are no table");
}

/** What is for this architecture, or for all. */
export function isFor(architecture: Architecture): (item: { arch?: Architecture | undefined }) => boolean {
  return ({ arch }) => arch === undefined || arch === architecture;
}
