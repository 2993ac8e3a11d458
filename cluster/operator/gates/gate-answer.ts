/** One gate of a policy, asked about one node. */
import { z } from "zod";
import { unreachable } from "../../../lib/failure.ts";
import { bytesOf } from "../../../lib/files/http-body.ts";
import type { Fetch } from "../../../lib/files/http-redirects.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { type KubernetesClient, parsed } from "../../../kubernetes/client.ts";
import { isReady, pods } from "../../../kubernetes/objects.ts";
import type { Gate } from "../../policy/gate.ts";
import { type QueryResult, readQueryResult } from "./prometheus.ts";

export type GateCheck = { holds: boolean; reason: string };

export type GateTools = { client: KubernetesClient; fetch: Fetch };

const limits = { mostBytes: 4 * 1024 * 1024, stallMs: 10_000 };

const yes: GateCheck = { holds: true, reason: "" };
const no = (reason: string): GateCheck => ({ holds: false, reason });

/** Rejects when it cannot be asked. */
export async function answerOf(gate: Gate, node: string, tools: GateTools, signal: AbortSignal): Promise<GateCheck> {
  const filled = (text: string): string => text.replaceAll("{node}", node);
  if ("daemonSets" in gate) return await daemonSets(gate.daemonSets.namespace, node, tools, signal);
  if ("http" in gate) return await http(filled(gate.http.url), tools, signal);
  if ("prometheus" in gate) {
    return await prometheus(gate.prometheus.url, filled(gate.prometheus.query), tools, signal);
  }
  if ("object" in gate) return await object(gate.object, tools, signal);
  return unreachable(gate);
}

async function daemonSets(namespace: string | undefined, node: string, { client }: GateTools, signal: AbortSignal) {
  const { items } = await client.list(pods, { namespace, fieldSelector: `spec.nodeName=${node}` }, signal);
  const own = items.filter(({ metadata }) => metadata.ownerReferences.some(({ kind }) => kind === "DaemonSet"));
  const ill = own.find((pod) => !isReady(pod));
  return ill === undefined ? yes : no(`${ill.metadata.namespace}/${ill.metadata.name} is not ready`);
}

async function http(url: string, { fetch }: GateTools, signal: AbortSignal): Promise<GateCheck> {
  const response = await fetch(new URL(url), { signal });
  await response.body?.cancel();
  return response.status < 400 ? yes : no(`${url} answers ${response.status}`);
}

async function prometheus(url: string, query: string, { fetch }: GateTools, signal: AbortSignal): Promise<GateCheck> {
  const asked = new URL(`${url.replace(/\/$/, "")}/api/v1/query`);
  asked.searchParams.set("query", query);
  const response = await fetch(asked, { signal });
  const result: QueryResult = readQueryResult((await bytesOf(response, "the answer", limits)).toString());
  if ("error" in result) return no(`${url} answers ${response.status}: ${result.error}`);
  if (result.samples.length === 0) return no("the query gives no sample");
  const fault = result.samples.find(({ value }) => !(Number(value) < 0 || Number(value) > 0));
  return fault === undefined ? yes : no(`the query gives ${fault.value} for ${JSON.stringify(fault.metric)}`);
}

type ObjectGate = Extract<Gate, { object: unknown }>["object"];

const resourcesSchema = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

async function object(wanted: ObjectGate, { client }: GateTools, signal: AbortSignal): Promise<GateCheck> {
  const api = wanted.apiVersion.includes("/") ? `/apis/${wanted.apiVersion}` : `/api/${wanted.apiVersion}`;
  const { resources } = parsed(resourcesSchema, await read(client, api, signal), api);
  const kind = resources.find((each) => each.kind === wanted.kind && !each.name.includes("/"));
  if (kind === undefined) return no(`the cluster has no kind ${wanted.kind} of ${wanted.apiVersion}`);
  const place = kind.namespaced ? `/namespaces/${encodeURIComponent(wanted.namespace ?? "default")}` : "";
  const content = await read(client, `${api}${place}/${kind.name}/${encodeURIComponent(wanted.name)}`, signal);
  const value = wanted.field.split(".").reduce<unknown>(memberOf, content);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === wanted.value ? yes : no(`${wanted.field} of ${wanted.name} is ${text ?? "not there"}`);
}

async function read(client: KubernetesClient, path: string, signal: AbortSignal): Promise<unknown> {
  const response = await client.ask(path, {}, signal);
  const text = (await bytesOf(response, path, limits)).toString();
  if (response.status === 403) {
    throw new Error(`the operator has no right to read ${path}, which gates.rules of the chart gives`);
  }
  if (!response.ok) throw new Error(`${path} answers ${response.status}`);
  return parseJson(text);
}

/** A member of an object, or an item of a list by its number. */
function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}
