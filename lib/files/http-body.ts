/** Bodies of HTTP answers from servers that may stall or send without end: each has its limit before it is read. */
import { Failure } from "../failure.ts";
import { ServerWait, type Patience } from "./server-wait.ts";

/**
 * The chunks of a body, in order; what the reader does with one does not count as the server's time.
 *
 * A body whose request was aborted may end instead of failing, so the caller asks its signal when this has ended.
 *
 * @param wait of this answer so far; a body alone has one of its own
 * @throws {Failure<"stalled" | "too-slow">}
 */
export async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  wait: Patience | ServerWait,
): AsyncGenerator<Uint8Array> {
  const server = wait instanceof ServerWait ? wait : new ServerWait(wait);
  const reader = body.getReader();
  try {
    for (;;) {
      const chunk = await server.next(reader.read());
      if (chunk.done) return;
      server.note(chunk.value.length);
      yield chunk.value;
    }
  } finally {
    // Closes the connection when there is more. It may itself wait for the server, so nobody waits for it.
    reader.cancel().catch(() => undefined);
  }
}

export type BodyLimits = { mostBytes: number; stallMs: number };

/**
 * A whole body that is meant to be small.
 *
 * @param subject what the body is, for the message: "the manifest of registry.example.com/tool"
 * @throws {Failure<"too-long">} as soon as there are more bytes than `mostBytes`, before they are read when the server
 *   announces them
 * @throws {Failure<"stalled">}
 */
export async function bytesOf(
  response: Response,
  subject: string,
  { mostBytes, stallMs }: BodyLimits,
): Promise<Buffer> {
  const tooLong = (): Failure =>
    new Failure("too-long", `cannot read ${subject}: it is longer than ${mostBytes} bytes`);
  const { body } = response;
  if (body === null) return Buffer.alloc(0);
  if (Number(response.headers.get("content-length") ?? 0) > mostBytes) {
    body.cancel().catch(() => undefined);
    throw tooLong();
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(body, { stallMs })) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
