/** Serves the page of one host on loopback: its files, what the host tells as events, calls, logs and terminals. */
import type { Client } from "../../api/client/client.ts";
import { machineClock } from "../../lib/clock.ts";
import { abortsWith, eventStream, jsonTextOf, replyJson } from "../../web/server/answers.ts";
import { type Inside, LoopbackServer, type Upgrading } from "../../web/server/loopback-server.ts";
import type { PageFiles } from "../../web/server/page-file.ts";
import type { Catalogue, Viewer } from "../view.ts";
import { forward, isDeed } from "./calls.ts";
import { Feed } from "./feed.ts";
import { followLog } from "./log-follower.ts";
import { serveTerminal } from "./terminal.ts";
import type { Veil } from "./veil.ts";

export type ConsoleHost = {
  client: Client;
  /** For what is asked again and again; one question at a time. */
  polling: Client;
  veil: Veil;
  viewer: Viewer;
  catalogue: Catalogue;
};

/** No settings are longer: the host takes 2 MiB. */
const bodyBytesMost = 2 * 1024 * 1024;

/** @param port a free one when 0 */
export async function serveConsole(
  host: ConsoleHost,
  { files, port }: { files: PageFiles; port: number },
): Promise<LoopbackServer> {
  const { client, polling, veil, viewer, catalogue } = host;
  const feed = new Feed({ client: polling, veil, viewer, clock: machineClock });

  async function answer({ path, query, request, response }: Inside, stop: AbortSignal): Promise<boolean> {
    if (request.method === "POST" && path.startsWith("call/")) {
      await call({ path, query, request, response }, stop);
      return true;
    }
    if (request.method !== "GET") return false;
    if (path === "events") {
      const stream = eventStream(response, stop);
      feed.listen(stream.send, stream.signal, stop);
    } else if (path === "log") {
      const { send, signal } = eventStream(response, stop);
      await followLog({ client, veil, clock: machineClock }, query.get("name") ?? "", send, signal);
    } else if (path === "catalogue.json") replyJson(response, 200, catalogue);
    else return false;
    return true;
  }

  async function call({ path, request, response }: Inside, stop: AbortSignal): Promise<void> {
    const name = path.slice("call/".length);
    const text = await jsonTextOf(request, bodyBytesMost);
    const gone = abortsWith(response, stop);
    const { status, body } = await forward({ client, veil, mayWrite: viewer.mayWrite }, name, text, gone);
    if (isDeed(name)) feed.stir();
    replyJson(response, status === 204 ? 200 : status, body);
  }

  function upgrade({ path, query, request, socket, head }: Upgrading, stop: AbortSignal): boolean {
    if (path !== "terminal" || !viewer.mayWrite) return false;
    serveTerminal(client, { request, socket, head }, query, stop);
    return true;
  }

  return await LoopbackServer.open({ program: "apiclient console", files, answer, upgrade }, port);
}
