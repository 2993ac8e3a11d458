/** From a request line to an entry of the contract's table and its query, or to a refusal that says what there is. */
import { z } from "zod";
import { defined } from "../../../lib/defined.ts";
import { endpoints, type EndpointName } from "../../../api/endpoints/contract.ts";
import { allows, type Endpoint } from "../../../api/endpoints/endpoint.ts";
import { Refused } from "../../../api/client/refused.ts";
import { nearest } from "../../../lib/text/nearest.ts";
import type { Caller } from "../callers/caller.ts";

export type MatchedEndpoint = {
  readonly name: EndpointName;
  readonly endpoint: Endpoint;
  readonly query: Readonly<Record<string, unknown>>;
};

type Entry = {
  name: EndpointName;
  endpoint: Endpoint;
  /** Names of what its query may have. */
  parameters: readonly string[];
  whenNoQuery: MatchedEndpoint | undefined;
};

const targetBytesMost = 8 * 1024;
const byPath = tableByPath();

/** Of reading requests that came lately, since clients ask the same again and again. */
const lately = new Map<string, MatchedEndpoint>();
const latelyMost = { targets: 64, bytes: 256 };

/**
 * @param target path and query as the client sent them
 * @throws {Refused<"no-such-endpoint" | "method-not-allowed" | "bad-query" | "target-too-long">}
 */
export function routeOf(method: string, target: string): MatchedEndpoint {
  if (target.length > targetBytesMost) {
    throw new Refused(
      "target-too-long",
      `cannot read the request: its path and query have more than ${targetBytesMost} bytes`,
    );
  }
  return routeOfOrigin(method, originForm(target));
}

/** A client may send the whole URL, whose host counts for nothing here. RFC 9112, 3.2.2 */
export function originForm(target: string): string {
  const rest = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(target)?.[1];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function routeOfOrigin(method: string, target: string): MatchedEndpoint {
  const questionMark = target.indexOf("?");
  const path = questionMark === -1 ? target : target.slice(0, questionMark);
  const entry = entryOf(method, path);
  if (questionMark === -1 && entry.whenNoQuery !== undefined) return entry.whenNoQuery;
  if (method !== "GET" || target.length > latelyMost.bytes) return matchedBy(entry, target, questionMark);
  const known = lately.get(target);
  if (known !== undefined) return known;
  const matched = matchedBy(entry, target, questionMark);
  if (lately.size >= latelyMost.targets) lately.clear();
  lately.set(target, matched);
  return matched;
}

function matchedBy(entry: Entry, target: string, questionMark: number): MatchedEndpoint {
  const search = questionMark === -1 ? "" : target.slice(questionMark + 1);
  return { name: entry.name, endpoint: entry.endpoint, query: Object.freeze(parseQuery(entry, search)) };
}

/** @throws {Refused<"forbidden" | "no-such-endpoint">} */
export function checkRole(caller: Caller, { endpoint }: MatchedEndpoint): void {
  const { method, path, role, remote } = endpoint;
  if (caller.via === "remote" && !remote) {
    throw new Refused("no-such-endpoint", `cannot ${method} ${path}: it is only offered on the unix socket`);
  }
  if (caller.role === undefined) {
    throw new Refused("forbidden", `cannot ${method} ${path}: ${caller.name} has no role`, {
      hint: `${caller.setting} gives one`,
    });
  }
  if (allows(caller.role, role)) return;
  throw new Refused(
    "forbidden",
    `cannot ${method} ${path}: it needs the role ${role}, and ${caller.name} has ${caller.role}`,
    caller.via === "socket" ? { hint: `${caller.setting} gives another` } : {},
  );
}

function entryOf(method: string, path: string): Entry {
  const methods = byPath.get(path);
  if (methods === undefined) {
    const meant = nearest(path, byPath.keys());
    throw new Refused("no-such-endpoint", `cannot ${method} ${path.slice(0, 200)}: there is no such path`, {
      hint: meant === undefined ? "GET /openapi.json lists what there is" : `did you mean ${meant}?`,
    });
  }
  const entry = methods.get(method);
  if (entry === undefined) {
    const allowed = [...methods.keys()].join(", ");
    throw new Refused("method-not-allowed", `cannot ${method} ${path}: it takes ${allowed}`);
  }
  return entry;
}

function parseQuery({ endpoint, parameters: known }: Entry, search: string): Record<string, unknown> {
  const { method, path } = endpoint;
  const parameters: Record<string, string> = Object.create(null);
  const refuse = (message: string, hint?: string): never => {
    const options = defined({ hint });
    throw new Refused("bad-query", `cannot read the query of ${method} ${path}: ${message}`, options);
  };
  for (const [name, text] of parametersOf(search) ?? refuse("it is not percent-encoded UTF-8")) {
    if (!known.includes(name)) {
      const meant = nearest(name, known);
      const named = JSON.stringify(name.slice(0, 100));
      const expected = known.length === 0 ? "it takes none" : `it takes ${known.join(", ")}`;
      refuse(`it has no parameter ${named}`, meant === undefined ? expected : `did you mean ${meant}?`);
    }
    if (name in parameters) refuse(`${name} is given twice`);
    parameters[name] = text;
  }
  const parsed = z.safeDecode(endpoint.query, parameters);
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.map(({ path: [name], message }) =>
    typeof name === "string" && parameters[name] === undefined ? `it needs ${name}=…` : `${String(name)} ${message}`,
  );
  return refuse(messages.join("; "));
}

/** As in HTML forms: `+` is a space. Undefined when a percent sign or its bytes are wrong; URLSearchParams would guess. */
function parametersOf(search: string): [name: string, text: string][] | undefined {
  try {
    return search
      .split("&")
      .filter((pair) => pair !== "")
      .map((pair) => {
        const equals = pair.indexOf("=");
        const [name, text] = equals === -1 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
        return [decode(name), decode(text)];
      });
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

const decode = (text: string): string => decodeURIComponent(text.replaceAll("+", " "));

function tableByPath(): ReadonlyMap<string, ReadonlyMap<string, Entry>> {
  const table = new Map<string, Map<string, Entry>>();
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: Endpoint = endpoints[name];
    const methods = table.get(endpoint.path) ?? new Map<string, Entry>();
    const empty = z.safeDecode(endpoint.query, {});
    const whenNoQuery = empty.success ? { name, endpoint, query: empty.data } : undefined;
    const parameters = Object.keys(endpoint.query.shape);
    table.set(endpoint.path, methods.set(endpoint.method, { name, endpoint, parameters, whenNoQuery }));
  }
  return table;
}
