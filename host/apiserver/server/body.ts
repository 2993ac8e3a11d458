/** Reading a request's body: at most so many bytes, strict UTF-8, JSON of limited depth, then the endpoint's schema. */
import type { IncomingMessage } from "node:http";
import { z } from "zod";
import type { Endpoint } from "../../../api/endpoints/endpoint.ts";
import { Refused } from "../../../api/client/refused.ts";
import { isJsonObject, parseJson, type Json } from "../../../lib/text/json.ts";

/** Bottlerocket's limit. */
export const bodyBytesMost = 2 * 1024 * 1024;

/**
 * Most clients read the answer only when they have sent everything, and break when the connection is closed before: so
 * much of a body that is too long is read and forgotten.
 */
const skippedBytesMost = 16 * 1024 * 1024;
/** All bodies that are being read at one time; clients that send slowly do not count for more than they sent. */
const bufferedBytesMost = 32 * 1024 * 1024;

export class Bodies {
  #bufferedBytes = 0;

  /** @throws {Refused<"body-too-long" | "bad-body" | "too-busy">} */
  async read(request: IncomingMessage): Promise<string> {
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      throw new Refused("bad-body", `cannot read the body: its encoding is ${encoding.slice(0, 100)}, expected none`);
    }
    const chunks: Buffer[] = [];
    let length = 0;
    let buffered = 0;
    try {
      await new Promise<undefined>((resolve, reject) => {
        request.on("data", (chunk: Buffer) => {
          length += chunk.length;
          if (length > skippedBytesMost) reject(tooLong());
          if (length > bodyBytesMost) return;
          chunks.push(chunk);
          buffered += chunk.length;
          this.#bufferedBytes += chunk.length;
          if (this.#bufferedBytes > bufferedBytesMost) {
            reject(new Refused("too-busy", "cannot read the body: other clients are sending too much"));
          }
        });
        request.once("end", () => (length > bodyBytesMost ? reject(tooLong()) : resolve(undefined)));
        const gone = (): void => reject(new Refused("bad-body", "cannot read the body: the connection was closed"));
        request.once("error", gone);
        request.once("close", gone);
      });
    } finally {
      request.removeAllListeners("data");
      this.#bufferedBytes -= buffered;
    }
    return decoded(Buffer.concat(chunks));
  }
}

const tooLong = (): Refused =>
  new Refused("body-too-long", `cannot read the body: it has more than ${bodyBytesMost} bytes`);

function decoded(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new Refused("bad-body", "cannot read the body: it is not UTF-8");
    throw error;
  }
}

/** @throws {Refused<"bad-body">} @throws {Failure<"bad-json">} */
export function parseBody(endpoint: Endpoint, text: string): unknown {
  if (endpoint.body === undefined) return undefined;
  const parsed = z.safeDecode(endpoint.body, text === "" ? undefined : withoutNulls(parseJson(text)));
  if (parsed.success) return parsed.data;
  if (text === "") throw new Refused("bad-body", `cannot ${endpoint.method} ${endpoint.path}: it needs a JSON body`);
  const details = parsed.error.issues
    .slice(0, 10)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".").slice(0, 200)}: ${message}`));
  throw new Refused("bad-body", `cannot read the body of ${endpoint.method} ${endpoint.path}: ${details.join("; ")}`);
}

/** In a table null means absent: so Rust's clients write an option that has no value, and Bottlerocket reads it. */
function withoutNulls(value: Json): Json {
  if (!isJsonObject(value)) return value;
  const present = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(present.map(([name, inner]) => [name, withoutNulls(inner)]));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
