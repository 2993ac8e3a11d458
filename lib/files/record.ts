/**
 * Records that our programs leave on this computer for each other. An older version, a disk that was full, a loss of
 * power or an editor may have damaged any of them, so damage is a failure with a name and a remedy, and who reads many
 * goes on with the rest.
 */
import { z } from "zod";
import { Failure, isFailure, systemErrorCode } from "../failure.ts";
import { readTextIfPresent } from "./files.ts";
import { parseJson } from "../text/json.ts";

/**
 * Undefined when there is none.
 *
 * @param remedy what the reader can do when it is damaged: "remove it"
 * @throws {Failure<"damaged-record">}
 */
export async function readRecord<T>(path: string, schema: z.ZodType<T>, remedy: string): Promise<T | undefined> {
  try {
    const text = await readTextIfPresent(path);
    return text === undefined ? undefined : schema.parse(parseJson(text));
  } catch (cause) {
    const why = damageIn(cause);
    if (why === undefined) throw cause;
    throw new Failure("damaged-record", `cannot use the record ${path}: ${why}`, { hint: remedy, cause });
  }
}

function damageIn(error: unknown): string | undefined {
  if (error instanceof z.ZodError) return firstIssue(error);
  return error instanceof Error && (isFailure(error) || systemErrorCode(error) !== undefined)
    ? error.message
    : undefined;
}

/** "process.pid: expected number, received undefined", as zod words it. */
function firstIssue({ issues }: z.ZodError): string {
  const [first] = issues;
  if (first === undefined) return "it has another form";
  const where = first.path.length === 0 ? "" : `${first.path.map(String).join(".")}: `;
  return `${where}${first.message}`;
}
