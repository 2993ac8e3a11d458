/**
 * A typed client of the host's API, derived from the table of endpoints.
 *
 * ```ts
 * const host = connect({ socket: "/run/api.sock" });
 * const { result } = await host.call("changeSettings", { query: { wait: true }, body: { set: { motd: "hi" } } });
 * ```
 */
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { applied, type Applied } from "../answers.ts";
import { endpoints, type EndpointName } from "../endpoints/contract.ts";
import type { AnswerOf, BodyOf, Endpoint, QueryOf } from "../endpoints/endpoint.ts";
import type { ExecRequest } from "./exec-client.ts";
import { jsonOf, refusedBy } from "./refusal.ts";
import {
  download,
  type KeptConnection,
  send,
  type HostAddress,
  type HttpAnswer,
  type HttpRequest,
} from "./transport.ts";

type Table = typeof endpoints;
export type CallInput<Name extends EndpointName> = {
  query?: QueryOf<Table[Name]>;
  body?: BodyOf<Table[Name]>;
  signal?: AbortSignal;
};

export type DownloadName = {
  [Name in EndpointName]: Table[Name] extends { download: string } ? Name : never;
}[EndpointName];

export type Client = {
  /** Calls an endpoint by its name in the table; a refusal is thrown as `Refused` with the server's code. */
  call<Name extends EndpointName>(name: Name, input?: CallInput<Name>): Promise<AnswerOf<Table[Name]>>;
  /** `commitAndApply` with wait=1: resolves when every reconciler has had its turn, whether it went well or not. */
  commitAndWait(query: Omit<QueryOf<Table["commitAndApply"]>, "wait">, signal?: AbortSignal): Promise<Applied>;
  /** Calls an endpoint that answers with a file; its bytes go to `write` as they come. */
  download(name: DownloadName, write: (bytes: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Runs a program in a host container; its exit code. See `exec-client.ts`. */
  exec(request: ExecRequest): Promise<number>;
  /** One request as it is, whatever its status: for `apiclient raw`. */
  raw(request: HttpRequest): Promise<HttpAnswer>;
};

export function connect(address: HostAddress, kept?: KeptConnection): Client {
  const call: Client["call"] = async (name, input = {}) => {
    const endpoint: Endpoint = endpoints[name];
    const request: HttpRequest = {
      method: endpoint.method,
      target: targetOf(endpoint, { ...input.query, ...(endpoint.text === undefined ? {} : { format: "json" }) }),
      headers: { accept: "application/json" },
      signal: input.signal,
    };
    if (input.body !== undefined) {
      request.headers = { ...request.headers, "content-type": "application/json" };
      request.body = JSON.stringify(input.body);
    }
    const answer = await send(address, request, kept);
    if (answer.status < 200 || answer.status > 299) throw refusedBy(answer, request);
    // The table's own schema has parsed the value, so it has the type that the table gives the answer.
    return parseAnswer(endpoint, answer, request) as AnswerOf<Table[typeof name]>;
  };
  return {
    call,
    async commitAndWait(query, signal) {
      const input = { query: { ...query, wait: true } };
      const answer = await call("commitAndApply", signal === undefined ? input : { ...input, signal });
      return applied.parse(answer);
    },
    async download(name, write, signal) {
      const { method, path } = endpoints[name];
      const request = { method, target: path, headers: { accept: "application/json" }, signal };
      const answer = await download(address, request, write);
      if (answer.status !== 200) throw refusedBy(answer, request);
    },
    exec: async (request) => await (await import("./exec-client.ts")).exec(address, request),
    raw: async (request) => send(address, request),
  };
}

function targetOf(endpoint: Endpoint, query: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  const encoded: Record<string, unknown> = z.encode(endpoint.query, query);
  for (const [name, text] of Object.entries(encoded)) if (typeof text === "string") parameters.set(name, text);
  return parameters.size === 0 ? endpoint.path : `${endpoint.path}?${parameters.toString()}`;
}

function parseAnswer(endpoint: Endpoint, answer: HttpAnswer, { method, target }: HttpRequest): unknown {
  if (answer.status === 204) return undefined;
  const schema = endpoint.answers[200];
  const parsed = schema?.safeParse(jsonOf(answer.body));
  if (parsed?.success === true) return parsed.data;
  const reason = parsed === undefined ? "no body was expected" : z.prettifyError(parsed.error);
  throw new Failure("unexpected-answer", `cannot understand the answer to ${method} ${target}: ${reason}`);
}
