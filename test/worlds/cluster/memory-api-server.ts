/**
 * As much of an API server as the operator and fake nodes need, in this process: objects by compare-and-swap, lists, watches,
 * evictions that a budget forbids, and reviews of tokens and rights. For tests of what is built on the operator; the operator
 * itself is tested against the real one (`test/real/cluster/`).
 */
import { applyMergePatch } from "./merge-patch.ts";
import { isJsonObject, parseJson, type Json, type JsonObject } from "../../../lib/text/json.ts";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { pods } from "../../../kubernetes/objects.ts";
import { machineClock } from "../../../lib/clock.ts";

type Kept = JsonObject & { metadata: JsonObject & { name: string; namespace?: string; resourceVersion: string } };
type Change = { version: number; plural: string; type: "ADDED" | "MODIFIED" | "DELETED"; object: Kept };
type Target = { plural: string; namespace?: string; name?: string; subresource?: string };

export class MemoryApiServer implements AsyncDisposable {
  /** Users by their tokens. */
  readonly tokens = new Map<string, { username: string; groups: string[] }>();
  /** By user: "list nodes". */
  readonly rights = new Map<string, string[]>();
  /** Names of pods that a budget keeps, and of the budget. */
  readonly budgets = new Map<string, string>();
  /** Whoever writes without a token may do anything. */
  readonly client: KubernetesClient;
  readonly #objects = new Map<string, Map<string, Kept>>();
  readonly #changes: Change[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #server: Bun.Server<undefined>;
  #version = 1;

  constructor() {
    const fetchAnswer = async (request: Request): Promise<Response> => await this.#answer(request);
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: fetchAnswer });
    const server = this.#server.url.href.replace(/\/$/, "");
    const credentials = async (): Promise<BunFetchRequestInit> => await Promise.resolve({});
    this.client = new KubernetesClient({ server, credentials, fetch, clock: machineClock });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  /** A pod that runs on a node, and that a budget keeps there. */
  async addHeldPod(
    { name, namespace, node, budget }: { name: string; namespace: string; node: string; budget: string },
    signal: AbortSignal,
  ): Promise<void> {
    const content = { metadata: { name, namespace }, spec: { nodeName: node }, status: { phase: "Running" } };
    await this.client.create(pods, { name, namespace, content }, signal);
    this.budgets.set(name, budget);
  }

  #kind(plural: string): Map<string, Kept> {
    const known = this.#objects.get(plural) ?? new Map<string, Kept>();
    this.#objects.set(plural, known);
    return known;
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/version") return Response.json({ major: "1", minor: "35" });
    const target = targetOf(url.pathname);
    if (target === undefined) return refusal(404, "there is no such path");
    const { plural, namespace, name, subresource } = target;
    const text = await request.text();
    const body = member(text === "" ? {} : parseJson(text));
    if (plural.endsWith("reviews")) return this.#reviewed(plural, member(body["spec"]));
    if (subresource === "eviction") return this.#evicted(target, url);
    if (name === undefined) {
      if (request.method === "POST") return this.#created(plural, namespace, body);
      return url.searchParams.has("watch") ? this.#watched(plural, url, request.signal) : this.#listed(target, url);
    }
    const object = this.#kind(plural).get(keyOf(namespace, name));
    if (object === undefined) return refusal(404, "there is no such object");
    if (request.method === "PATCH") return this.#patched(target, object, body, url);
    if (request.method === "DELETE") this.#remove(plural, object);
    return Response.json(object);
  }

  #listed({ plural, namespace }: Target, url: URL): Response {
    const items = [...this.#kind(plural).values()].filter(
      (object) => (namespace === undefined || object.metadata.namespace === namespace) && isSelected(object, url),
    );
    return Response.json({ metadata: { resourceVersion: String(this.#version) }, items });
  }

  #created(plural: string, namespace: string | undefined, body: JsonObject): Response {
    const metadata: JsonObject = { ...member(body["metadata"]), ...(namespace === undefined ? {} : { namespace }) };
    if (this.#kind(plural).has(keyOf(namespace, textOf(metadata["name"])))) {
      return refusal(409, "it is there already");
    }
    const born = { uid: crypto.randomUUID(), creationTimestamp: new Date().toISOString() };
    return Response.json(this.#put(plural, { ...body, metadata: { ...born, ...metadata } }, "ADDED"), { status: 201 });
  }

  #patched({ plural, subresource }: Target, object: Kept, patch: JsonObject, url: URL): Response {
    const wanted = member(patch["metadata"])["resourceVersion"];
    if (wanted !== undefined && wanted !== object.metadata.resourceVersion) return refusal(409, "it was changed");
    const isStatus = subresource === "status";
    const { status = {}, metadata = {} } = patch;
    const after = applyMergePatch(object, isStatus ? { metadata, status } : patch);
    if (isStatus || !("unschedulable" in member(patch["spec"])))
      return Response.json(this.#put(plural, after, "MODIFIED"));
    const manager = url.searchParams.get("fieldManager") ?? "kubectl";
    const managedFields = [{ manager, fieldsV1: { "f:spec": { "f:unschedulable": {} } } }];
    const noted = { ...after, metadata: { ...member(after["metadata"]), managedFields } };
    return Response.json(this.#put(plural, noted, "MODIFIED"));
  }

  #put(plural: string, content: JsonObject, type: "ADDED" | "MODIFIED"): Kept {
    this.#version++;
    const own = member(content["metadata"]);
    const name = textOf(own["name"]);
    const namespace = typeof own["namespace"] === "string" ? { namespace: own["namespace"] } : {};
    const object = { ...content, metadata: { ...own, name, ...namespace, resourceVersion: String(this.#version) } };
    this.#kind(plural).set(keyOf(object.metadata.namespace, name), object);
    this.#announce({ version: this.#version, plural, type, object });
    return object;
  }

  #remove(plural: string, object: Kept): void {
    this.#version++;
    this.#kind(plural).delete(keyOf(object.metadata.namespace, object.metadata.name));
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#announce({ version: this.#version, plural, type: "DELETED", object: last });
  }

  #announce(change: Change): void {
    this.#changes.push(change);
    for (const wake of this.#watchers) wake();
  }

  #watched(plural: string, url: URL, signal: AbortSignal): Response {
    let seen = Number(url.searchParams.get("resourceVersion") ?? 0);
    let wake = (): void => undefined;
    const body = new ReadableStream<string>({
      start: (controller) => {
        wake = () => {
          for (const change of this.#changes) {
            if (change.version <= seen || change.plural !== plural || !isSelected(change.object, url)) continue;
            controller.enqueue(`${JSON.stringify({ type: change.type, object: change.object })}\n`);
          }
          seen = this.#version;
        };
        this.#watchers.add(wake);
        signal.addEventListener("abort", () => this.#watchers.delete(wake), { once: true });
        wake();
      },
      cancel: () => void this.#watchers.delete(wake),
    });
    return new Response(body.pipeThrough(new TextEncoderStream()));
  }

  #evicted({ namespace, name = "" }: Target, url: URL): Response {
    const pod = this.#kind("pods").get(keyOf(namespace, name));
    if (pod === undefined) return refusal(404, "there is no such pod");
    const budget = this.budgets.get(name);
    if (budget !== undefined) {
      const message = "Cannot evict pod as it would violate the pod's disruption budget.";
      const cause = `The disruption budget ${budget} needs 1 healthy pods and has 1 currently`;
      return refusal(429, message, { causes: [{ reason: "DisruptionBudget", message: cause }] });
    }
    if (!url.searchParams.has("dryRun")) this.#remove("pods", pod);
    return Response.json({}, { status: 201 });
  }

  #reviewed(plural: string, spec: JsonObject): Response {
    if (plural === "tokenreviews") {
      const user = this.tokens.get(textOf(spec["token"]));
      return Response.json({ status: user === undefined ? { authenticated: false } : { authenticated: true, user } });
    }
    const deed = member(spec["resourceAttributes"]);
    const wanted = `${textOf(deed["verb"])} ${textOf(deed["resource"])}`;
    const allowed = this.rights.get(textOf(spec["user"]))?.includes(wanted) === true;
    return Response.json({ status: { allowed } });
  }
}

const member = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");
const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ""}/${name}`;

function targetOf(path: string): Target | undefined {
  const form = /^(?:\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/;
  const [, namespace, plural, name, subresource] = form.exec(path) ?? [];
  if (plural === undefined) return undefined;
  return {
    plural,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** Only the selector of pods by their node is known; all others select everything. */
function isSelected(object: Kept, url: URL): boolean {
  const [, node] = /^spec\.nodeName=(.+)$/.exec(url.searchParams.get("fieldSelector") ?? "") ?? [];
  if (node === undefined) return true;
  return isJsonObject(object["spec"]) && object["spec"]["nodeName"] === node;
}

function refusal(status: number, message: string, details: JsonObject = {}): Response {
  return Response.json({ kind: "Status", status: "Failure", message, details }, { status });
}
