/**
 * Changes of a kind of objects, as the API server tells them.
 *
 * The server sends a bookmark about once a minute, so a connection that is silent for longer than two of them is taken
 * for dead. Going on from the last version that was seen costs one request; only a version that the server no longer
 * knows costs a new list.
 */
import { z } from "zod";
import { Failure } from "../lib/failure.ts";
import { chunksOf } from "../lib/files/http-body.ts";
import { parseJson } from "../lib/text/json.ts";
import { type KubernetesClient, parsed, type Query, refusalOf } from "./client.ts";
import { type ApiObject, collectionPath, type Resource } from "./resource.ts";

export type WatchEvent<Kept> =
  | { kind: "put" | "deleted"; object: Kept }
  /** Nothing of these objects has changed up to this version. */
  | { kind: "bookmark"; resourceVersion: string };

/** The server ends a watch after five to ten minutes, so that watches spread over API servers. */
const lastsSeconds = 300;
const silenceMs = 150_000;
/** An object and its envelope; etcd keeps none that is larger than 1.5 MB. */
const mostLineBytes = 4 * 1024 * 1024;

const eventSchema = z.object({
  type: z.enum(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]),
  object: z.record(z.string(), z.unknown()),
});
const bookmarkSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const errorSchema = z.object({ code: z.number().default(0), message: z.string().default("") });

/**
 * What happened after `from`; ends when the server ends it.
 *
 * @throws {Failure<"watch-expired">} when the server no longer knows what happened since then
 * @throws {Failure<"stalled" | "cluster-refused" | "bad-cluster-answer">}
 */
export async function* watch<Kept extends ApiObject>(
  client: KubernetesClient,
  resource: Resource<Kept>,
  { from, namespace, ...selectors }: Query & { from: string; namespace?: string | undefined },
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<Kept>> {
  const path = collectionPath(resource, namespace);
  const timeoutSeconds = Math.round(lastsSeconds * (1 + Math.random()));
  const query = { ...selectors, watch: 1, allowWatchBookmarks: "true", timeoutSeconds, resourceVersion: from };
  const response = await client.ask(path, { query }, signal);
  if (!response.ok) {
    const { message } = await refusalOf(response);
    throw failureOf(response.status, message, path);
  }
  for await (const line of linesOf(response, path)) yield changeOf(resource, line, path);
}

function failureOf(code: number, message: string, path: string): Failure {
  if (code === 410) return new Failure("watch-expired", `cannot go on watching ${path}: ${message}`);
  return new Failure("cluster-refused", `cannot watch ${path}: the cluster answers ${code}: ${message}`);
}

function changeOf<Kept extends ApiObject>(resource: Resource<Kept>, line: string, path: string): WatchEvent<Kept> {
  const { type, object } = parsed(eventSchema, parseJson(line), path);
  if (type === "BOOKMARK") {
    const { resourceVersion } = parsed(bookmarkSchema, object, path).metadata;
    return { kind: "bookmark", resourceVersion };
  }
  if (type === "ERROR") {
    const { code, message } = parsed(errorSchema, object, path);
    throw failureOf(code, message, path);
  }
  return { kind: type === "DELETED" ? "deleted" : "put", object: parsed(resource.schema, object, path) };
}

async function* linesOf({ body }: Response, path: string): AsyncGenerator<string> {
  if (body === null) return;
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(body, { stallMs: silenceMs })) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pieces.push(chunk.subarray(start, end));
      yield Buffer.concat(pieces).toString();
      [pieces, bytes, start] = [[], 0, end + 1];
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.slice(start));
    bytes += chunk.length - start;
    if (bytes > mostLineBytes) {
      throw new Failure("bad-cluster-answer", `cannot watch ${path}: a line is longer than ${mostLineBytes} bytes`);
    }
  }
}
