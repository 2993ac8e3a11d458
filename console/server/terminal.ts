/** A terminal of the page: its websocket on one side, a program in a host container on the other. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { z } from "zod";
import { WebSocketServer, type WebSocket } from "ws-8";
import type { Client } from "../../api/client/client.ts";
import { jsonOf } from "../../api/client/refusal.ts";
import { bytesOf, messageBytesMost, type TerminalSize } from "../../api/exec.ts";
import { machineClock } from "../../lib/clock.ts";
import { explain } from "../../lib/failure.ts";

const edge = z.int().min(1).max(1000);
const resize = z.object({ rows: edge, cols: edge });

const openingQuery = z.object({
  name: z.string().min(1),
  command: z.string().min(1),
  rows: z.coerce.number().pipe(edge),
  cols: z.coerce.number().pipe(edge),
});

/** Bytes that the browser has not taken; above, the program waits. */
const unsentBytesMost = 1024 * 1024;
const drainPollMs = 20;

/** The program ends with the page, and the page is told how it ended: a text that is JSON. */
export function serveTerminal(
  client: Client,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
  query: URLSearchParams,
  signal: AbortSignal,
): void {
  const opening = openingQuery.safeParse(Object.fromEntries(query));
  if (!opening.success) {
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    return;
  }
  const server = new WebSocketServer({ noServer: true, maxPayload: messageBytesMost, perMessageDeflate: false });
  server.handleUpgrade(request, socket, head, (page) => void converse(client, page, opening.data, signal));
}

type Opening = z.infer<typeof openingQuery>;

async function converse(
  client: Client,
  page: WebSocket,
  { name, command, rows, cols }: Opening,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  let resized: ((size: TerminalSize) => void) | undefined;
  const typed = new Typed();
  page.on("error", () => undefined); // its close follows
  page.on("close", () => {
    typed.end();
    over.abort(new Error("the page was closed"));
  });
  page.on("message", (data, isBinary) => {
    if (isBinary) typed.add(bytesOf(data));
    else takeSize(bytesOf(data).toString(), resized);
  });
  try {
    const exitCode = await client.exec({
      target: name,
      command: command.split(" ").filter((word) => word !== ""),
      terminal: { size: { rows, cols }, onResize: (listener) => (resized = listener) },
      input: typed,
      async output(bytes) {
        page.send(bytes);
        while (page.bufferedAmount > unsentBytesMost && page.readyState === page.OPEN)
          await machineClock.sleep(drainPollMs, until);
      },
      signal: until,
    });
    page.send(JSON.stringify({ ended: `${command} ended with exit code ${exitCode}` }));
  } catch (error) {
    if (page.readyState === page.OPEN) page.send(JSON.stringify({ ended: explain(error) }));
  }
  page.close();
}

/** What is no size changes nothing. */
function takeSize(text: string, resized: ((size: TerminalSize) => void) | undefined): void {
  const size = resize.safeParse(jsonOf(text));
  if (size.success) resized?.(size.data);
}

/** What was typed, until the page is closed. */
class Typed implements AsyncIterable<Uint8Array> {
  readonly #bytes: Uint8Array[] = [];
  #ended = false;
  #wake = Promise.withResolvers<void>();

  add(bytes: Uint8Array): void {
    this.#bytes.push(bytes);
    this.#wake.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = this.#bytes.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers<void>();
      }
    }
  }
}
