/**
 * Reads the files of a datastore by their description alone, without any code of the datastore.
 *
 * Source: host/datastore/README.md.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { parseJson } from "../../../lib/text/json.ts";
import { z } from "zod";
import { claim } from "./datastore-model.ts";

const head = z.object({
  format: z.literal(1),
  segment: z.number(),
  version: z.number(),
  hash: z.string(),
  follows: z.object({ segment: z.number(), bytes: z.number(), sha256: z.string() }).optional(),
});
const base = z.object({ values: z.record(z.string(), z.unknown()) });
const entry = z.object({
  version: z.number().optional(),
  changes: z.array(z.object({ key: z.string(), after: z.unknown().optional() })).optional(),
});

/** Checks every segment that the newest one follows, and that the newest one leads to `version` and `values`. */
export function checkFiles(
  files: ReadonlyMap<string, Buffer>,
  version: number,
  values: ReadonlyMap<string, unknown>,
): void {
  let name = [...files.keys()]
    .filter((file) => /^segment-\d+$/.test(file))
    .toSorted()
    .at(-1);
  if (name === undefined) {
    claim(version === 0, `there is no segment for version ${version}`);
    return;
  }
  let bytes = files.get(name);
  for (let newest = true; name !== undefined && bytes !== undefined; newest = false) {
    const segment = readSegment(name, bytes);
    if (newest) {
      claim(segment.version === version, `${name} leads to version ${segment.version}, not ${version}`);
      claim(isDeepStrictEqual(segment.values, new Map(values)), `${name} leads to other values`);
    } else claim(segment.goodBytes === bytes.length, `${name} is damaged at byte ${segment.goodBytes}`);
    const { follows } = segment;
    if (follows === undefined) return;
    name = `segment-${String(follows.segment).padStart(10, "0")}`;
    bytes = files.get(name)?.subarray(0, follows.bytes);
    if (bytes !== undefined) claim(sha256(bytes) === follows.sha256, `${name} is not what the next one follows`);
  }
}

function readSegment(name: string, bytes: Buffer) {
  let at = 0;
  let hash = "";
  const next = (): unknown => {
    const end = bytes.indexOf("\n", at);
    if (end === -1) return undefined;
    const line = bytes.toString("utf8", at, end);
    const [written, body] = [line.slice(0, 64), line.slice(65)];
    if (sha256(hash + body) !== written) return undefined;
    hash = written;
    at = end + 1;
    return parseJson(body);
  };
  const { version: from, hash: chain, follows } = head.parse(next());
  const values = new Map(Object.entries(base.parse(next()).values));
  hash = chain;
  let version = from;
  for (let line = next(); line !== undefined; line = next()) {
    const { version: reached, changes } = entry.parse(line);
    for (const { key, after } of changes ?? []) {
      if (after === undefined) values.delete(key);
      else values.set(key, after);
    }
    if (reached !== undefined) claim(reached > version, `${name}: version ${reached} follows ${version}`);
    version = reached ?? version;
  }
  return { version, values, follows, goodBytes: at };
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
