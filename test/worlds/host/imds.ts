/** The EC2 instance metadata service as a real HTTP server, with the rules of version 2 and its ways to fail. */

export type ImdsServer = AsyncDisposable & {
  /** Of the loopback, for a machine's network to lead 169.254.169.254 there. */
  readonly port: number;
  /** Sends what is meant for 169.254.169.254 to this server. */
  fetch: (url: URL, init: RequestInit) => Promise<Response>;
  /** Answers by path below the schema: "user-data", "meta-data/hostname". */
  readonly answers: Map<string, string | Uint8Array>;
  /** Every token that was given out stops working. */
  forgetTokens(): void;
  /** The next requests are answered so, tokens included. */
  failNext(...statuses: number[]): void;
  readonly requests: string[];
};

export function imdsServer(options: { disabled?: boolean } = {}): ImdsServer {
  const answers = new Map<string, string | Uint8Array>();
  const tokens = new Set<string>();
  const requests: string[] = [];
  let failures: number[] = [];
  const refused = (status: number): Response => new Response(`<html>${status}</html>`, { status });

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      requests.push(`${request.method} ${pathname}`);
      const failure = failures.shift();
      if (failure !== undefined) return refused(failure);
      if (options.disabled === true) return refused(403);
      if (pathname === "/latest/api/token") {
        const seconds = Number(request.headers.get("x-aws-ec2-metadata-token-ttl-seconds"));
        if (request.method !== "PUT") return refused(405);
        if (!(seconds >= 1 && seconds <= 21_600) || request.headers.has("x-forwarded-for")) return refused(400);
        const token = crypto.randomUUID();
        tokens.add(token);
        return new Response(token);
      }
      if (!tokens.has(request.headers.get("x-aws-ec2-metadata-token") ?? "")) return refused(401);
      const answer = answers.get(pathname.replace(/^\/(latest|\d{4}-\d{2}-\d{2})\//, ""));
      return answer === undefined ? refused(404) : new Response(answer);
    },
  });

  const { port = 0 } = server; // TCP servers have one
  return {
    port,
    answers,
    requests,
    fetch: (url, init) => {
      const here = new URL(url);
      if (here.host !== "169.254.169.254") throw new TypeError(`nothing listens at ${here.host}`);
      here.host = `127.0.0.1:${port}`;
      return fetch(here, init);
    },
    forgetTokens: () => tokens.clear(),
    failNext: (...statuses) => {
      failures = statuses;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
