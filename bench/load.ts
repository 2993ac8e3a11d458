/**
 * Load on an HTTP server behind a unix socket: many keep-alive clients, each with one request in flight.
 *
 * The generator must not be what is measured, so it does not parse HTTP: all answers to one request have the same
 * length, which the first answer shows, and only the status line of each is looked at.
 */
import { percentile } from "./report.ts";

export type Load = { socket: string; target: string; clients: number; requests: number };

export type LoadResult = {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Length of one answer's body. */
  bodyBytes: number;
};

const accepted = Buffer.from("HTTP/1.1 200 ");

export async function run({ socket, target, clients, requests }: Load): Promise<LoadResult> {
  const shape = await answerShape(socket, target);
  const request = requestFor(target);
  const latencies = new Float64Array(requests);
  let sent = 0;
  let answered = 0;
  const startedMs = performance.now();
  const client = async (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let askedMs = 0;
    let received = 0;
    const ask = (connection: Bun.Socket): void => {
      if (sent >= requests) {
        resolve();
        return void connection.end();
      }
      sent++;
      askedMs = performance.now();
      received = 0;
      connection.write(request);
    };
    await Bun.connect({
      unix: socket,
      socket: {
        open: ask,
        data(connection, bytes) {
          if (received === 0 && !accepted.equals(bytes.subarray(0, accepted.length))) {
            reject(new Error(`an answer begins ${JSON.stringify(bytes.subarray(0, 40).toString())}`));
            return void connection.end();
          }
          received += bytes.length;
          if (received < shape.totalBytes) return;
          if (received > shape.totalBytes) {
            reject(new Error(`an answer has ${received} bytes instead of ${shape.totalBytes}`));
            return void connection.end();
          }
          latencies[answered++] = performance.now() - askedMs;
          ask(connection);
        },
        error: (_connection, error) => reject(error),
        close: () => reject(new Error("the server closed the connection")),
        connectError: (_connection, error) => reject(error),
      },
    });
    try {
      await promise;
    } catch (error) {
      sent = requests; // the others stop after the answer that they wait for
      throw error;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startedMs) / 1000;
  const measured = [...latencies.subarray(0, answered)];
  return {
    requestsPerSecond: answered / seconds,
    p50Ms: percentile(measured, 0.5),
    p99Ms: percentile(measured, 0.99),
    bodyBytes: shape.bodyBytes,
  };
}

function requestFor(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n`;
}

/** The lengths of an answer, from one that is read with care. */
async function answerShape(socket: string, target: string): Promise<{ totalBytes: number; bodyBytes: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ totalBytes: number; bodyBytes: number }>();
  let received = Buffer.alloc(0);
  const connection = await Bun.connect({
    unix: socket,
    socket: {
      data(_connection, bytes) {
        received = Buffer.concat([received, bytes]);
        const headBytes = received.indexOf("\r\n\r\n") + 4;
        if (headBytes < 4) return;
        const length = /^content-length: (\d+)\r$/im.exec(received.subarray(0, headBytes).toString("latin1"))?.[1];
        if (length === undefined) return reject(new Error("the server does not tell the length of its answers"));
        const totalBytes = headBytes + Number(length);
        if (received.length >= totalBytes) resolve({ totalBytes, bodyBytes: Number(length) });
      },
      error: (_connection, error) => reject(error),
      close: () => reject(new Error("the server closed the connection")),
    },
  });
  connection.write(requestFor(target));
  try {
    return await promise;
  } finally {
    connection.end();
  }
}
