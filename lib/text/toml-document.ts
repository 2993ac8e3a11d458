/** TOML files that people write for our programs: read into a schema, and refused with the place of what is wrong. */
import type { z } from "zod";
import { Failure } from "../failure.ts";
import { placeOf } from "./places.ts";
import { readToml } from "./toml.ts";

/**
 * @param file its name, for messages
 * @throws {Failure<"bad-toml">} with line and column, both counted from 1
 */
export function parseTomlDocument<T>(text: string, schema: z.ZodType<T>, file: string): T {
  const read = readToml(text);
  if (!read.ok) {
    const { line, column, message } = read.error;
    throw new Failure("bad-toml", `cannot read ${file}: line ${line}, column ${column}: ${message}`);
  }
  const parsed = schema.safeParse(read.value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path =
    issue === undefined ? [] : [...issue.path, ...(issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [])];
  const { line, column } = placeOf(read.places(), path, issue?.code === "unrecognized_keys" ? "name" : "value");
  const key = path.map(String).join(".");
  const reason =
    issue?.code === "unrecognized_keys" ? "there is no such key" : (issue?.message ?? "it has another form");
  throw new Failure(
    "bad-toml",
    `cannot read ${file}: line ${line}, column ${column}: ${key === "" ? "" : `${key}: `}${reason}`,
  );
}
