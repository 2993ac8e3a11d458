/** An annotation that holds JSON. */
import type { z } from "zod";
import { isFailure } from "../lib/failure.ts";
import { parseJson } from "../lib/text/json.ts";

/** Undefined where it is absent, or nobody can read what somebody wrote there by hand. */
export function noted<Schema extends z.ZodType>(
  schema: Schema,
  text: string | undefined,
): z.output<Schema> | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(parseJson(text)).data;
  } catch (error) {
    if (isFailure(error, "bad-json")) return undefined;
    throw error;
  }
}
