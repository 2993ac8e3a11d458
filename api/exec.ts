/**
 * The protocol of `GET /exec`: a program in a host container, over a websocket.
 *
 * The client's first message says what to run. Then binary messages are the program's input one way and its output,
 * both streams together, the other way; text messages are JSON. The server closes with `closeCodes.normal` and the exit
 * code as the reason. Source: Bottlerocket's sources/api/apiserver, model::exec.
 */
import type { RawData } from "ws-8";
import { z } from "zod";
import { parseJson } from "../lib/text/json.ts";

/** How many messages of input may be on their way; a client that sends more is cut off. */
export const messagesOutstanding = 1024;
/** The server tells how far it has come after so many messages of input. */
export const capacityEvery = 128;
/** Bottlerocket's servers take no larger message. */
export const messageBytesMost = 64 * 1024;

export const heartbeatMs = 2_000;
/** A client that did not answer for so long is gone. */
export const silenceMs = 10_000;

/** RFC 6455, 7.4.1 */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  unsupported: 1003,
  invalid: 1007,
  policy: 1008,
  size: 1009,
  error: 1011,
} as const;

const uint16 = z.int().min(0).max(65_535);
const terminalSize = z.object({ rows: uint16, cols: uint16 });
export type TerminalSize = z.infer<typeof terminalSize>;

/** Rust's `OsString` as its clients write it: bytes, which need not be text. */
const osString = z.codec(z.object({ Unix: z.array(z.int().min(0).max(255)) }), z.instanceof(Uint8Array), {
  decode: ({ Unix }) => Uint8Array.from(Unix),
  encode: (bytes) => ({ Unix: [...bytes] }),
});

const initialize = z.object({
  /** The name of a host container. */
  target: z.string(),
  command: z.array(osString).min(1),
  tty: z
    .object({ size: terminalSize.nullish() })
    .nullish()
    .transform((tty) => tty ?? undefined),
});

const clientMessage = z.union([
  z.object({ Initialize: initialize }),
  z.literal("ContentComplete"),
  z.object({ Winch: terminalSize }),
]);
export type ClientMessage = z.infer<typeof clientMessage>;
export type Initialize = z.infer<typeof initialize>;

const serverMessage = z.object({
  Capacity: z.object({ max_messages_outstanding: z.int().min(1), messages_written: z.int().min(0) }),
});
export type ServerMessage = z.infer<typeof serverMessage>;

/** Undefined for what is no message of this protocol. @throws {Failure<"bad-json">} */
export function readClientMessage(text: string): ClientMessage | undefined {
  return clientMessage.safeParse(parseJson(text)).data;
}

/** Undefined for what is no message of this protocol. @throws {Failure<"bad-json">} */
export function readServerMessage(text: string): ServerMessage | undefined {
  return serverMessage.safeParse(parseJson(text)).data;
}

/** The first message of a client. */
export function initializeMessage(target: string, command: readonly string[], size: TerminalSize | undefined): string {
  const bytes = command.map((word) => ({ Unix: [...Buffer.from(word)] }));
  return JSON.stringify({ Initialize: { target, command: bytes, tty: size === undefined ? null : { size } } });
}

/** A message's bytes, in whichever of its ways `ws` gives them. */
export function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

export const winchMessage = (size: TerminalSize): string => JSON.stringify({ Winch: size });
export const contentCompleteMessage = JSON.stringify("ContentComplete");
