/**
 * A client of the Kubernetes API for who acts by itself: the host as its node, the operator of fleets, the laptop.
 *
 * It keeps no state. What a caller branches on (there is none, somebody wrote before, not allowed now) is an answer; other
 * statuses are failures in the cluster's own words.
 */
import { z } from "zod";
import type { Clock } from "../lib/clock.ts";
import { Failure } from "../lib/failure.ts";
import { bytesOf } from "../lib/files/http-body.ts";
import { parseJson } from "../lib/text/json.ts";
import { type ApiObject, collectionPath, type ObjectName, objectPath, type Resource } from "./resource.ts";

export type KubernetesConnection = {
  /** "https://10.0.0.1:6443" */
  server: string;
  /** What each request needs beside its path, asked anew each time: certificates and tokens change. */
  credentials(signal: AbortSignal): Promise<BunFetchRequestInit>;
  fetch(url: URL, init: BunFetchRequestInit): Promise<Response>;
  clock: Clock;
};

export type Query = Readonly<Record<string, string | number | undefined>>;

export type KubernetesRequest = {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  query?: Query;
  body?: unknown;
  /** Of the body; JSON unless it is a patch. */
  contentType?: string;
  /** How long the whole request may take. */
  limitMs?: number;
};

/** The API server itself gives up after a minute. */
const requestMs = 30_000;
/** etcd keeps no object that is larger than 1.5 MB; a page has up to 500 small ones. */
const answerLimits = { mostBytes: 64 * 1024 * 1024, stallMs: requestMs };
const pageSize = 500;

export type Page<Kept> = { items: Kept[]; resourceVersion: string };
export type WriteResult<Kept> =
  | { kind: "written"; object: Kept }
  /** Somebody has written since it was read. */
  | { kind: "conflict" }
  /** There is no such object, or no such kind. */
  | { kind: "missing" };

export class KubernetesClient {
  readonly connection: KubernetesConnection;
  /** Requests made so far. */
  requests = 0;

  constructor(connection: KubernetesConnection) {
    this.connection = connection;
  }

  /** One request, whatever the status of its answer. Rejects with the error of the network when none comes. */
  async ask(path: string, request: KubernetesRequest, signal: AbortSignal): Promise<Response> {
    const { method = "GET", query = {}, body, contentType = "application/json", limitMs } = request;
    // The API of a cluster may lie below a path of its server.
    const url = new URL(`${this.connection.server.replace(/\/$/, "")}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const until = limitMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    const { headers, ...init } = await this.connection.credentials(until);
    this.requests++;
    return await this.connection.fetch(url, {
      ...init,
      method,
      headers: {
        ...Object.fromEntries(new Headers(headers)),
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": contentType }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: until,
    });
  }

  /** Undefined when there is no such object. @throws {Failure<"cluster-refused" | "bad-cluster-answer">} */
  async get<Kept extends ApiObject>(
    resource: Resource<Kept>,
    name: ObjectName,
    signal: AbortSignal,
  ): Promise<Kept | undefined> {
    const path = objectPath(resource, name);
    const response = await this.ask(path, { limitMs: requestMs }, signal);
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    return parsed(resource.schema, await accepted(response, `read ${path}`), path);
  }

  /** All of them, read in pages. @throws {Failure<"cluster-refused" | "bad-cluster-answer">} */
  async list<Kept extends ApiObject>(
    resource: Resource<Kept>,
    query: Query & { namespace?: string | undefined },
    signal: AbortSignal,
  ): Promise<Page<Kept>> {
    const { namespace, ...selectors } = query;
    const path = collectionPath(resource, namespace);
    const items: Kept[] = [];
    for (let next: string | undefined; ;) {
      const page = { ...selectors, limit: pageSize, continue: next };
      const response = await this.ask(path, { query: page, limitMs: requestMs }, signal);
      const list = parsed(listSchema, await accepted(response, `list ${path}`), path);
      for (const item of list.items) items.push(parsed(resource.schema, item, path));
      next = list.metadata.continue;
      if (next === undefined || next === "") return { items, resourceVersion: list.metadata.resourceVersion };
    }
  }

  /** @throws {Failure<"cluster-refused" | "bad-cluster-answer">} */
  async create<Kept extends ApiObject>(
    resource: Resource<Kept>,
    object: ObjectName & { content: object },
    signal: AbortSignal,
  ): Promise<WriteResult<Kept>> {
    const path = collectionPath(resource, object.namespace);
    const request = { method: "POST", body: object.content, limitMs: requestMs } as const;
    return await this.#write(resource, path, request, signal);
  }

  /**
   * A merge patch (RFC 7396), noted in managedFields as of `fieldManager`. With `metadata.resourceVersion` in it, it holds only for the object as it was read.
   *
   * @throws {Failure<"cluster-refused" | "bad-cluster-answer">}
   */
  async patch<Kept extends ApiObject>(
    resource: Resource<Kept>,
    { subresource, fieldManager, ...name }: ObjectName & { subresource?: string; fieldManager?: string },
    patch: object,
    signal: AbortSignal,
  ): Promise<WriteResult<Kept>> {
    const path = objectPath(resource, name, subresource);
    const contentType = "application/merge-patch+json";
    const request = { method: "PATCH", query: { fieldManager }, body: patch, contentType, limitMs: requestMs } as const;
    return await this.#write(resource, path, request, signal);
  }

  async #write<Kept extends ApiObject>(
    resource: Resource<Kept>,
    path: string,
    request: KubernetesRequest,
    signal: AbortSignal,
  ): Promise<WriteResult<Kept>> {
    const response = await this.ask(path, request, signal);
    if (response.status === 409 || response.status === 404) {
      await response.body?.cancel();
      return { kind: response.status === 409 ? "conflict" : "missing" };
    }
    return { kind: "written", object: parsed(resource.schema, await accepted(response, `write ${path}`), path) };
  }
}

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().default("0"), continue: z.string().optional() }),
  items: z
    .array(z.unknown())
    .nullish()
    .transform((items) => items ?? []),
});

/** How the API tells that something is not so. Source: apimachinery `Status`. */
const statusSchema = z.object({
  message: z.string().default(""),
  reason: z.string().default(""),
  details: z
    .object({
      causes: z.array(z.object({ reason: z.string().default(""), message: z.string().default("") })).default([]),
      retryAfterSeconds: z.number().optional(),
    })
    .optional(),
});
export type KubernetesStatus = z.output<typeof statusSchema>;

/** What the cluster says of a request that it did not accept; any other text is its message. */
export async function refusalOf(response: Response): Promise<KubernetesStatus> {
  const text = (await bytesOf(response, "the answer", { ...answerLimits, mostBytes: 1024 * 1024 })).toString();
  const status = statusSchema.safeParse(text.startsWith("{") ? parseJson(text) : undefined);
  return status.success ? status.data : { message: text.trim().slice(0, 500), reason: "" };
}

async function accepted(response: Response, deed: string): Promise<unknown> {
  if (response.ok) return parseJson((await bytesOf(response, "the answer", answerLimits)).toString());
  const { message } = await refusalOf(response);
  throw new Failure("cluster-refused", `cannot ${deed}: the cluster answers ${response.status}: ${message}`);
}

/** @throws {Failure<"bad-cluster-answer">} */
export function parsed<Shape>(schema: z.ZodType<Shape>, value: unknown, path: string): Shape {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Failure("bad-cluster-answer", `cannot read what ${path} has: ${z.prettifyError(result.error)}`);
}
