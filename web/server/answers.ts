/** Answers to requests of a page: texts, JSON, refusals, and events as they come. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isApiCode, statuses } from "../../api/codes.ts";
import { Failure } from "../../lib/failure.ts";

const heartbeatMs = 15_000;
/** What a page has not taken; above, it is left, and begins anew when it is back. */
const untakenBytesMost = 32 * 1024 * 1024;

export type EventStream = { send: (value: unknown) => void; signal: AbortSignal };

/** Server-sent events, each of which is JSON, until the page goes. See the HTML Standard, 9.2. */
export function eventStream(response: ServerResponse, stop: AbortSignal): EventStream {
  const signal = abortsWith(response, stop);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(":\n\n");
  const heart = setInterval(() => response.write(":\n\n"), heartbeatMs);
  signal.addEventListener(
    "abort",
    () => {
      clearInterval(heart);
      response.destroy();
    },
    { once: true },
  );
  const send = (value: unknown): void => {
    if (response.writableLength > untakenBytesMost) response.destroy();
    else response.write(`data: ${JSON.stringify(value)}\n\n`);
  };
  return { signal, send };
}

/** Aborts when nobody waits for the answer any more. */
export function abortsWith(response: ServerResponse, stop: AbortSignal): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Error("the page was closed")));
  return AbortSignal.any([gone.signal, stop]);
}

/** @throws {Failure<"body-too-long">} */
export async function textOf(request: IncomingMessage, bytesMost: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > bytesMost) throw new Failure("body-too-long", `cannot read the body: over ${bytesMost} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The text of a body that only a script of this page can have sent. @throws {Failure<"bad-body" | "body-too-long">} */
export async function jsonTextOf(request: IncomingMessage, bytesMost: number): Promise<string> {
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    throw new Failure("bad-body", "cannot read the body: it must be application/json");
  }
  return await textOf(request, bytesMost);
}

export function replyFailure(response: ServerResponse, error: unknown): void {
  if (!(error instanceof Failure)) return replyJson(response, 500, { code: "internal", message: String(error) });
  const { code, message, hint } = error;
  const status = code === "cannot-connect" ? 502 : isApiCode(code) ? statuses[code] : 400;
  replyJson(response, status, { code, message, ...(hint === undefined ? {} : { hint }) });
}

export function replyJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value ?? null));
}

export function replyText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(text);
}
