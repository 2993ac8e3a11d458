/** Bodies of HTTP answers from servers that may stall or send without end: each has its limit before it is read. */
import { machineClock } from "../clock.ts";
import { Failure } from "../failure.ts";

export type Patience = {
  /** Nothing may come for so long. */
  stallMs: number;
  /** Fewer bytes than these in so much time of waiting are as good as nothing. */
  slowest?: { bytes: number; waitedMs: number };
};

/**
 * The chunks of a body, in order; what the reader does with one does not count as the server's time.
 *
 * A body whose request was aborted may end instead of failing, so the caller asks its signal when this has ended.
 *
 * @throws {Failure<"stalled" | "too-slow">}
 */
export async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  { stallMs, slowest }: Patience,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (let bytes = 0, waitedMs = 0; ;) {
      const startedMs = machineClock.elapsedMs();
      const chunk = await unlessSilent(reader.read(), stallMs);
      if (chunk.done) return;
      bytes += chunk.value.length;
      waitedMs += machineClock.elapsedMs() - startedMs;
      if (slowest !== undefined && waitedMs > slowest.waitedMs) {
        if (bytes < slowest.bytes) {
          throw new Failure("too-slow", `only ${bytes} bytes came in ${Math.round(waitedMs / 1000)} s`);
        }
        bytes = waitedMs = 0;
      }
      yield chunk.value;
    }
  } finally {
    // Closes the connection when there is more. It may itself wait for the server, so nobody waits for it.
    reader.cancel().catch(() => undefined);
  }
}

async function unlessSilent<T>(next: Promise<T>, stallMs: number): Promise<T> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => silence.reject(new Failure("stalled", `nothing came for ${stallMs / 1000} s`)),
    stallMs,
  );
  try {
    return await Promise.race([next, silence.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export type BodyLimits = { mostBytes: number; stallMs: number };

/**
 * A whole body that is meant to be small.
 *
 * @param subject the body is, for the message: "the manifest of registry.example.com/tool"
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
