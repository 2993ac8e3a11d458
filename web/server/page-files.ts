/** The files of a page: those that were compiled into this program, or, run from source, bundled now. */
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { parseJson } from "../../lib/text/json.ts";
import { packedName, type PageFiles, type PageSource } from "./page-file.ts";

const packedFiles = z.record(z.string(), z.object({ type: z.string(), text: z.string() }));

/** @throws {Failure<"cannot-bundle">} */
export async function pageFiles(source: PageSource): Promise<PageFiles> {
  const embedded = Bun.embeddedFiles.find((file) => "name" in file && String(file.name).endsWith(packedName(source)));
  if (embedded === undefined) return await (await import("./bundle.ts")).bundlePage(source);
  const text = gunzipSync(await embedded.bytes()).toString("utf8");
  return new Map(Object.entries(packedFiles.parse(parseJson(text))));
}
