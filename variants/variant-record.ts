/**
 * What an image says of its own variant, when that is not one of the table as it stands there: a variant of somebody's
 * own, or one with defaults of its own. A host reads it instead of looking its variant up.
 */
import { z } from "zod";
import { isGroup, type DefaultsOf } from "../settings/groups/group.ts";
import { architectures, platforms, suppliedNames, userDataSources, type Variant } from "./variant.ts";

/** In the root of an image. */
export const variantRecordPath = "usr/share/orlop/variant.json";

const minor = z.templateLiteral(["1.", z.int().nonnegative()]);

export const variantRecord = z.strictObject({
  name: z.string().min(1),
  summary: z.string(),
  platform: z.enum(platforms),
  orchestrator: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none") }),
    z.strictObject({ kind: z.literal("kubernetes"), minor }),
    z.strictObject({ kind: z.literal("ecs") }),
  ]),
  architectures: z.array(z.enum(architectures)),
  kernel: z.enum(["cloud", "generic"]),
  packages: z.array(z.string()),
  programs: z.record(z.string(), z.string()),
  supplied: z.record(z.string(), z.enum(suppliedNames)).exactOptional(),
  interactive: z.boolean(),
  groups: z.array(z.custom<Variant["groups"][number]>((name) => typeof name === "string" && isGroup(name))),
  /** The builder held them against the settings of the variant; each version of an image has its own. */
  defaults: z.custom<DefaultsOf>((value) => typeof value === "object" && value !== null && !Array.isArray(value)),
  kernelParameters: z.array(z.string()),
  userData: z.array(z.enum(userDataSources)),
}) satisfies z.ZodType<Variant>;

/** As text, with the fields in an order of their own. */
export function formatVariantRecord({ lacks: _lacks, ...variant }: Variant): string {
  return `${JSON.stringify(variantRecord.parse(variant), undefined, 2)}\n`;
}
