/**
 * One HTTP request to a host: over its unix socket, or over mutual TLS 1.3.
 *
 * Only `node:*` interfaces, so that it also runs on Node. The server's certificate is made on the host, so it is
 * known by a CA file or by the fingerprint that the host prints on its console; nothing is sent before that holds.
 */
import { once } from "node:events";
import { request as startRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { connect as connectUnix, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { defined } from "../../lib/defined.ts";
import { Failure } from "../../lib/failure.ts";

export type HostAddress =
  | { socket: string }
  | {
      /** "https://host:8443" */
      url: string;
      /** PEM of the client's certificate and key. */
      certificate: string;
      key: string;
      /** PEM that the server's certificate must chain to; or its SHA-256 fingerprint. */
      trust: { ca: string } | { fingerprint: string };
    };

/** A connection to the host, as secure as the address says, for a protocol that goes on where HTTP ends. */
export async function openConnection(address: HostAddress, signal: AbortSignal | undefined): Promise<Socket> {
  if (!("socket" in address)) return await openTls(address, signal);
  const socket = connectUnix(address.socket);
  try {
    await once(socket, "connect", defined({ signal }));
    return socket;
  } catch (error) {
    socket.destroy();
    signal?.throwIfAborted();
    throw cannotConnect(address.socket, error);
  }
}

export type HttpRequest = {
  method: string;
  /** Path and query. */
  target: string;
  headers?: Record<string, string>;
  body?: string | undefined;
  signal?: AbortSignal | undefined;
};
export type HttpAnswer = { status: number; contentType: string; body: string };

/** More than the longest history the server gives. */
const answerBytesMost = 64 * 1024 * 1024;
const connectTimeoutMs = 10_000;
const keepAliveMs = 15_000;

/** @throws {Failure<"cannot-connect" | "untrusted-host" | "answer-too-long">} */
export async function send(address: HostAddress, request: HttpRequest, kept?: KeptConnection): Promise<HttpAnswer> {
  return await receive(address, request, readAll, kept);
}

/**
 * One connection for requests that come one after the other. The first one opens it, and so does the first after one
 * that failed: for clients that poll, and bear that an answer is missing now and then.
 */
export class KeptConnection implements Disposable {
  #socket: Socket | undefined;

  async to(address: HostAddress, signal: AbortSignal | undefined): Promise<Socket> {
    if (this.#socket?.readyState === "open") return this.#socket;
    this.#socket = await openConnection(address, signal);
    // Between two requests nobody else listens: a host that closes is met by opening anew.
    this.#socket.on("error", () => undefined);
    return this.#socket;
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
  }
}

/**
 * As `send`, for an answer that is a file: its bytes go to `write` as they come, unless it is a refusal.
 *
 * @param write more comes when it has resolved
 */
export async function download(
  address: HostAddress,
  request: HttpRequest,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<HttpAnswer> {
  return await receive(address, request, async (incoming, where) => {
    if (incoming.statusCode !== 200) return await readAll(incoming, where);
    let length = 0;
    for await (const chunk of incoming) {
      const bytes = Buffer.from(chunk);
      length += bytes.length;
      await write(bytes);
    }
    const whole = Number(incoming.headers["content-length"] ?? length);
    if (length === whole) return answerOf(incoming, "");
    throw new Failure("answer-cut-off", `cannot read all of ${where}: ${length} of ${whole} bytes came`);
  });
}

/** A request over a unix socket has to name some host. */
const unnamedHost = { hostname: "localhost", host: "localhost" } as const;

type Reader = (incoming: IncomingMessage, where: string) => Promise<HttpAnswer>;

async function receive(
  address: HostAddress,
  request: HttpRequest,
  read: Reader,
  kept?: KeptConnection,
): Promise<HttpAnswer> {
  request.signal?.throwIfAborted();
  const headers = {
    ...(request.body === undefined ? {} : { "content-length": String(Buffer.byteLength(request.body)) }),
    ...request.headers,
  };
  const options: RequestOptions = {
    method: request.method,
    path: request.target,
    headers,
    ...defined({ signal: request.signal }),
  };
  if ("socket" in address && kept === undefined) {
    return await exchange({ ...options, agent: false, socketPath: address.socket }, request, address.socket, read);
  }
  const connection = await (kept?.to(address, request.signal) ?? openConnection(address, request.signal));
  let mayStay = false;
  try {
    // An agent, and false makes one too, would open a connection of its own.
    const where = "socket" in address ? address.socket : address.url;
    const { hostname, host } = "socket" in address ? unnamedHost : new URL(address.url);
    const staying = kept === undefined ? {} : { connection: "keep-alive" };
    const exchangeOptions = { hostname, headers: { ...headers, ...staying, host }, createConnection: () => connection };
    const answer = await exchange({ ...options, ...exchangeOptions }, request, where, read);
    mayStay = kept !== undefined;
    return answer;
  } finally {
    if (!mayStay) connection.destroy();
  }
}

async function exchange(
  options: RequestOptions,
  { body, signal }: HttpRequest,
  where: string,
  read: Reader,
): Promise<HttpAnswer> {
  try {
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const outgoing = startRequest(options, (incoming) => void read(incoming, where).then(resolve, reject));
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Failure) throw error;
    throw cannotConnect(where, error);
  }
}

async function readAll(incoming: IncomingMessage, where: string): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > answerBytesMost) {
      incoming.destroy();
      throw new Failure("answer-too-long", `cannot read the answer of ${where}: more than ${answerBytesMost} bytes`);
    }
    chunks.push(bytes);
  }
  return answerOf(incoming, Buffer.concat(chunks).toString("utf8"));
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, body: string): HttpAnswer {
  return { status: statusCode, contentType: headers["content-type"] ?? "", body };
}

async function openTls(
  address: Extract<HostAddress, { url: string }>,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> {
  const url = new URL(address.url);
  const pinned = "fingerprint" in address.trust ? canonicalFingerprint(address.trust.fingerprint) : undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connectTls({
    host,
    port: Number(url.port || "8443"),
    minVersion: "TLSv1.3",
    cert: address.certificate,
    key: address.key,
    // Said outright: unless it is, NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment makes any certificate do.
    ...("ca" in address.trust ? { ca: address.trust.ca, rejectUnauthorized: true } : { rejectUnauthorized: false }),
    // A host does not know the names and addresses under which it is reached: the CA or the fingerprint is the proof.
    checkServerIdentity: () => undefined,
  });
  // Answers may take long, but a host that lost its power is not waited for.
  socket.setKeepAlive(true, keepAliveMs);
  const aborted = (): void => void socket.destroy();
  signal?.addEventListener("abort", aborted, { once: true });
  const timer = setTimeout(
    () => socket.destroy(new Failure("cannot-connect", `no answer within ${connectTimeoutMs / 1000} s`)),
    connectTimeoutMs,
  );
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Failure("cannot-connect", "the connection was closed")));
    });
  } catch (error) {
    socket.destroy();
    signal?.throwIfAborted();
    throw cannotConnect(address.url, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  }
  if (pinned !== undefined) {
    const shown = socket.getPeerCertificate().fingerprint256;
    if (shown === undefined || canonicalFingerprint(shown) !== pinned) {
      socket.destroy();
      throw new Failure("untrusted-host", `cannot trust ${address.url}: its certificate has the fingerprint ${shown}`, {
        hint: "compare with the fingerprint on the host's console",
      });
    }
  }
  return socket;
}

/** Colons and case do not matter. */
function canonicalFingerprint(text: string): string {
  const digits = text.replaceAll(":", "").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) {
    throw new Failure("bad-fingerprint", `cannot use the fingerprint ${text}: expected the 64 hex digits of a SHA-256`);
  }
  return digits;
}

function cannotConnect(where: string, cause: unknown): Failure<"cannot-connect"> {
  return new Failure("cannot-connect", `cannot talk to the host at ${where}`, { cause });
}
