/** Asks what must hold while a node soaks. Whatever cannot be asked does not hold, and says why. */
import { z } from "zod";
import { messageOf, unreachable } from "../../lib/failure.ts";
import { bytesOf } from "../../lib/files/http-body.ts";
import type { Fetch } from "../../lib/files/http-redirects.ts";
import { parseJson } from "../../lib/text/json.ts";
import { type KubernetesClient, parsed } from "../../kubernetes/client.ts";
import { isReady, pods } from "../../kubernetes/objects.ts";
import type { Gate, GateAnswer } from "../policy/gate.ts";

const limitMs = 10_000;
const limits = { mostBytes: 4 * 1024 * 1024, stallMs: limitMs };

type Answer = { holds: boolean; reason: string };
const yes: Answer = { holds: true, reason: "" };
const no = (reason: string): Answer => ({ holds: false, reason });

export class GateQuestions {
  readonly #client: KubernetesClient;
  readonly #fetch: Fetch;
  readonly #answers = new Map<string, Map<string, GateAnswer>>();

  constructor(client: KubernetesClient, fetch: Fetch) {
    this.#client = client;
    this.#fetch = fetch;
  }

  /** Asks about these nodes, and forgets all others. */
  async ask(names: readonly string[], gates: readonly Gate[], signal: AbortSignal): Promise<Map<string, GateAnswer[]>> {
    for (const name of this.#answers.keys()) if (!names.includes(name)) this.#answers.delete(name);
    const all = names.map(async (name) => [name, await this.#askAbout(name, gates, signal)] as const);
    return new Map(await Promise.all(all));
  }

  async #askAbout(node: string, gates: readonly Gate[], signal: AbortSignal): Promise<GateAnswer[]> {
    const before = this.#answers.get(node) ?? new Map<string, GateAnswer>();
    const now = this.#client.connection.clock.now();
    const answers = await Promise.all(
      gates.map(async (gate): Promise<GateAnswer> => {
        const answer = await this.#answer(gate, node, AbortSignal.any([signal, AbortSignal.timeout(limitMs)]));
        signal.throwIfAborted();
        const last = before.get(gate.name);
        return { gate: gate.name, ...answer, since: last?.holds === answer.holds ? last.since : now };
      }),
    );
    this.#answers.set(node, new Map(answers.map((answer) => [answer.gate, answer])));
    return answers;
  }

  async #answer(gate: Gate, node: string, signal: AbortSignal): Promise<Answer> {
    try {
      if ("daemonSets" in gate) return await this.#daemonSets(gate.daemonSets, node, signal);
      if ("http" in gate) return await this.#http(filled(gate.http.url, node), signal);
      if ("prometheus" in gate) return await this.#prometheus(gate.prometheus, node, signal);
      if ("object" in gate) return await this.#object(gate.object, signal);
      return unreachable(gate);
    } catch (error) {
      return no(`cannot be asked: ${messageOf(error)}`);
    }
  }

  async #daemonSets({ namespace }: { namespace?: string | undefined }, node: string, signal: AbortSignal) {
    const { items } = await this.#client.list(pods, { namespace, fieldSelector: `spec.nodeName=${node}` }, signal);
    const own = items.filter(({ metadata }) => metadata.ownerReferences.some(({ kind }) => kind === "DaemonSet"));
    const ill = own.find((pod) => !isReady(pod));
    return ill === undefined ? yes : no(`${ill.metadata.namespace}/${ill.metadata.name} is not ready`);
  }

  async #http(url: string, signal: AbortSignal): Promise<Answer> {
    const response = await this.#fetch(new URL(url), { signal });
    await response.body?.cancel();
    return response.status < 400 ? yes : no(`${url} answers ${response.status}`);
  }

  async #prometheus({ url, query }: { url: string; query: string }, node: string, signal: AbortSignal) {
    const asked = new URL(`${url.replace(/\/$/, "")}/api/v1/query`);
    asked.searchParams.set("query", filled(query, node));
    const response = await this.#fetch(asked, { signal });
    const text = (await bytesOf(response, "the answer", limits)).toString();
    if (!response.ok) return no(`${url} answers ${response.status}`);
    const { result } = parsed(prometheusSchema, parseJson(text), url).data;
    if (result.length === 0) return no("the query gives no sample");
    const zero = result.find(({ value: [, value] }) => Number(value) === 0);
    return zero === undefined ? yes : no(`the query gives 0 for ${JSON.stringify(zero.metric)}`);
  }

  async #object(wanted: ObjectGate, signal: AbortSignal): Promise<Answer> {
    const api = wanted.apiVersion.includes("/") ? `/apis/${wanted.apiVersion}` : `/api/${wanted.apiVersion}`;
    const { resources } = parsed(resourcesSchema, await this.#get(api, signal), api);
    const kind = resources.find((each) => each.kind === wanted.kind && !each.name.includes("/"));
    if (kind === undefined) return no(`the cluster has no kind ${wanted.kind} of ${wanted.apiVersion}`);
    const place = kind.namespaced ? `/namespaces/${encodeURIComponent(wanted.namespace ?? "default")}` : "";
    const object = await this.#get(`${api}${place}/${kind.name}/${encodeURIComponent(wanted.name)}`, signal);
    const value = wanted.field.split(".").reduce<unknown>(memberOf, object);
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return text === wanted.value ? yes : no(`${wanted.field} of ${wanted.name} is ${text ?? "not there"}`);
  }

  async #get(path: string, signal: AbortSignal): Promise<unknown> {
    const response = await this.#client.ask(path, {}, signal);
    const text = (await bytesOf(response, path, limits)).toString();
    if (!response.ok) throw new Error(`${path} answers ${response.status}`);
    return parseJson(text);
  }
}

type ObjectGate = Extract<Gate, { object: unknown }>["object"];

const prometheusSchema = z.object({
  data: z.object({
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
  }),
});
const resourcesSchema = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

function filled(text: string, node: string): string {
  return text.replaceAll("{node}", node);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}
