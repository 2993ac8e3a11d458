/**
 * Stands between an operator and its API server: counts what is asked, cuts watches off, lets one go on from a version
 * that the server no longer knows, and holds answers to writes back while something else happens.
 */
import type { ControlPlane } from "../../../vm/cluster/control-plane.ts";
import { writePlainKubeconfig } from "./plain-kubeconfig.ts";

/** As an API server ends a watch whose version is too old. */
const expired = JSON.stringify({
  type: "ERROR",
  object: { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Expired", code: 410, message: "too old" },
});

/** A write that the API server has done. */
export type DoneWrite = { method: string; path: string; body: string };

export class RoughProxy implements AsyncDisposable {
  readonly #cluster: ControlPlane;
  readonly #server: ReturnType<typeof Bun.serve>;
  #cut = new AbortController();
  #expires = false;
  /** By verb and what it is about: "PATCH nodes". */
  readonly requests = new Map<string, number>();
  cuts = 0;
  expirations = 0;
  /** The writer has its answer after this has ended. */
  beforeAnswer: ((write: DoneWrite) => Promise<void>) | undefined;

  constructor(cluster: ControlPlane) {
    this.#cluster = cluster;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      // A watch is silent for a minute and more.
      idleTimeout: 0,
      fetch: async (request) => await this.#forward(request),
    });
  }

  get url(): string {
    return this.#server.url.href;
  }

  /** Writes the kubeconfig of who asks through this; it needs no credentials. */
  async writeKubeconfig(path: string): Promise<void> {
    await writePlainKubeconfig(path, this.url);
  }

  get total(): number {
    let sum = 0;
    for (const count of this.requests.values()) sum += count;
    return sum;
  }

  cutWatches(): void {
    this.cuts++;
    this.#cut.abort();
    this.#cut = new AbortController();
  }

  /** The next watch that begins is told that its version is too old. */
  expireNext(): void {
    this.#expires = true;
    this.cutWatches();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cut.abort();
    await this.#server.stop(true);
  }

  async #forward(request: Request): Promise<Response> {
    const { pathname, search, searchParams } = new URL(request.url);
    const isWatch = searchParams.get("watch") !== null;
    this.#count(isWatch ? "WATCH" : request.method, pathname);
    if (isWatch && this.#expires) {
      this.#expires = false;
      this.expirations++;
      return new Response(`${expired}\n`);
    }
    const { certificate, key } = this.#cluster.pki.admin;
    const headers = new Headers(request.headers);
    headers.delete("host");
    const signal = isWatch ? AbortSignal.any([request.signal, this.#cut.signal]) : request.signal;
    const { method } = request;
    const body = method === "GET" ? null : await request.text();
    try {
      const answer = await fetch(`https://127.0.0.1:${this.#cluster.port}${pathname}${search}`, {
        method,
        headers,
        body,
        tls: { ca: this.#cluster.pki.ca, cert: certificate, key },
        signal,
      });
      if (answer.ok && body !== null) await this.beforeAnswer?.({ method, path: pathname, body });
      const { status } = answer;
      return new Response(isWatch ? endingWith(answer, signal) : answer.body, {
        status,
        headers: { "content-type": "application/json" },
      });
    } catch {
      return new Response("the API server is away", { status: 502 }); // as a load balancer answers
    }
  }

  #count(verb: string, path: string): void {
    const kinds = [
      "nodeupdates",
      "fleetpolicies",
      "eviction",
      "events",
      "leases",
      "volumeattachments",
      "pods",
      "nodes",
    ];
    const key = `${verb} ${kinds.find((kind) => path.includes(`/${kind}`)) ?? path}`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
  }
}

/** The body of a watch, which ends where it is cut off. */
function endingWith(answer: Response, signal: AbortSignal): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      try {
        for await (const chunk of answer.body ?? []) controller.enqueue(chunk);
      } catch (error) {
        if (!signal.aborted) return controller.error(error); // the API server is away
      }
      controller.close();
    },
  });
}
