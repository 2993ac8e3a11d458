/** Reads the file of a variant of somebody's own: TOML, or a TypeScript module. */
import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { z } from "zod";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { parseTomlDocument } from "../../lib/text/toml-document.ts";
import { type OwnVariant, type ReadVariantFile, variantFileSchema, variantOf } from "../../variants/variant-file.ts";

/** @throws {Failure<"bad-variant-file" | "bad-toml" | "no-such-variant">} */
export async function readVariantFile(name: string): Promise<OwnVariant> {
  const path = resolve(name);
  const file = extname(path) === ".ts" ? await fromModule(path) : await fromToml(path);
  return { variant: variantOf(file), file, path };
}

async function fromToml(path: string): Promise<ReadVariantFile> {
  try {
    return parseTomlDocument(await readFile(path, "utf8"), variantFileSchema, path);
  } catch (error) {
    if (isNotFound(error)) throw new Failure("no-such-file", `cannot read ${path}: it does not exist`);
    throw error;
  }
}

/** TypeScript runs as it is; what it exports is data. */
async function fromModule(path: string): Promise<ReadVariantFile> {
  const module: unknown = await import(path);
  const parsed = z.looseObject({ default: variantFileSchema }).safeParse(module);
  if (parsed.success) return parsed.data.default;
  const reason = z.prettifyError(parsed.error).replaceAll("\n", " ");
  throw new Failure("bad-variant-file", `cannot use ${path}: its default export is no variant: ${reason}`);
}
