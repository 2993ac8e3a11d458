/** A static file server for a repository: for trying updates on a laptop, for tests, and for validating a directory. */
import { stat } from "node:fs/promises";
import { join } from "node:path";

/** Serves `directory` on a free port of `hostname` until disposed. Byte ranges are honoured. */
export function serveRepository(
  directory: string,
  { hostname = "127.0.0.1", port = 0 }: { hostname?: string; port?: number } = {},
): Disposable & { url: URL } {
  const server = Bun.serve({
    hostname,
    port,
    // Emulated guests may take their time to read on.
    idleTimeout: 255,
    fetch: async (request) => {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return new Response("only GET and HEAD are served", { status: 405, headers: { allow: "GET, HEAD" } });
      }
      const path = decodedPath(request.url);
      if (path === undefined) return new Response("no path in percent-encoded UTF-8", { status: 400 });
      if (path.split("/").some((segment) => segment.startsWith("."))) return new Response("not found", { status: 404 });
      const found = await stat(join(directory, path)).catch(() => undefined);
      if (!found?.isFile()) return new Response("not found", { status: 404 });
      const file = Bun.file(join(directory, path));
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
      if (range === null) return new Response(file);
      const start = Number(range[1]);
      const end = range[2] === "" ? found.size : Math.min(found.size, Number(range[2]) + 1);
      if (start >= end) return new Response("range not satisfiable", { status: 416 });
      return new Response(file.slice(start, end), {
        status: 206,
        headers: { "content-range": `bytes ${start}-${end - 1}/${found.size}` },
      });
    },
  });
  return { url: server.url, [Symbol.dispose]: () => void server.stop(true) };
}

function decodedPath(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url).pathname);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
