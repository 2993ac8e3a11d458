/**
 * The page of a fleet in the operator's pod, on the loopback of that pod: what reaches it comes through `kubectl port-forward`, and
 * so through the API server, by whoever may do that. Then it asks for a token, and the cluster says what its owner may do.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { Failure, messageOf } from "../../lib/failure.ts";
import { replyFailure, replyText, textOf } from "../../web/server/answers.ts";
import { strangeness } from "../../web/server/door.ts";
import { replyFile } from "../../web/server/loopback-server.ts";
import type { PageFiles } from "../../web/server/page-file.ts";
import { securityHeaders } from "../../web/server/security-headers.ts";
import { FleetConsole } from "./fleet-console.ts";
import type { FleetSource } from "./fleet-source.ts";
import { Sessions } from "./sessions.ts";
import { tokenPage } from "./token-page.ts";

type OperatorConsoleOptions = {
  source: FleetSource;
  client: KubernetesClient;
  files: PageFiles;
  /** Of the pod's loopback; a free one when 0. */
  port: number;
};

/** Tokens of the cluster are shorter. */
const bodyBytesMost = 32 * 1024;
/** Whoever guesses tokens waits. */
const refusedMs = 1_000;

/** By whatever port of a laptop it is forwarded to. */
const isLoopback = (host: string): boolean => /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(host);

export async function serveOperatorConsole({
  source,
  client,
  files,
  port,
}: OperatorConsoleOptions): Promise<AsyncDisposable & { port: number }> {
  const stop = new AbortController();
  const sessions = new Sessions(client);
  const fleet = new FleetConsole(source);

  async function answer(request: IncomingMessage, response: ServerResponse, nonce: string): Promise<void> {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    if (path === "/" || path === "/session") return await doorstep(request, response, path);
    // The style and the icon of the doorstep have nothing to hide.
    const open = ["/style.css", "/icon.svg"].find((each) => each === path);
    const stranger = strangeness(request, isLoopback);
    if (stranger !== undefined) return replyText(response, stranger.status, `${stranger.reason}\n`);
    if (open !== undefined) return replyFile(response, files, open.slice(1), nonce);
    const { admission, visitor } = sessions.admit(request, isLoopback);
    if (admission.kind !== "inside" || visitor === undefined) {
      const status = admission.kind === "refused" ? admission.status : 401;
      return replyText(response, status, `${admission.kind === "refused" ? admission.reason : "open the page anew"}\n`);
    }
    const inside = { path: admission.path, query: admission.query, request, response };
    if (await fleet.answer(inside, visitor, stop.signal)) return;
    if (request.method !== "GET") return replyText(response, 405, "the page only reads that\n");
    replyFile(response, files, admission.path, nonce);
  }

  /** Before one is in: the form for the token, and what becomes of it. */
  async function doorstep(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const stranger = strangeness(request, isLoopback);
    if (stranger !== undefined) return replyText(response, stranger.status, `${stranger.reason}\n`);
    if (path === "/" && request.method === "GET") return replyPage(response, 200);
    if (path !== "/session" || request.method !== "POST") return replyText(response, 404, "there is no such page\n");
    try {
      const token = new URLSearchParams(await textOf(request, bodyBytesMost)).get("token")?.trim() ?? "";
      const { location, cookie } = await sessions.open(token, stop.signal);
      response.writeHead(303, { location, "set-cookie": cookie });
      response.end();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      await client.connection.clock.sleep(refusedMs, stop.signal);
      replyPage(response, 403, messageOf(error));
    }
  }

  const server = createServer((request, response) => {
    const nonce = randomBytes(16).toString("base64");
    const headers = securityHeaders(nonce, { mayPostForms: true });
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    answer(request, response, nonce).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else replyFailure(response, error);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new Failure("cannot-listen", `cannot listen on 127.0.0.1:${port}`, { cause })),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the operator ends"));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function replyPage(response: ServerResponse, status: number, refusal?: string): void {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8" });
  response.end(tokenPage(refusal));
}
