import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeptConnection, send } from "./transport.ts";

test("requests share one connection, and a new one is opened when it has broken", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kept-"));
  const socket = join(directory, "api.sock");
  const connections: Socket[] = [];
  const server = createServer((_request, response) => void response.end("{}"));
  server.on("connection", (connection: Socket) => connections.push(connection));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    using kept = new KeptConnection();
    const ask = async (): Promise<number> =>
      (await send({ socket }, { method: "GET", target: "/", signal: AbortSignal.timeout(5000) }, kept)).status;
    for (let at = 0; at < 50; at++) expect(await ask()).toBe(200);
    expect(connections).toHaveLength(1);
    connections[0]?.destroy();
    // Whether the end is noticed before the next request or by it is a matter of moments; the one after it is served.
    await ask().catch(() => 0);
    expect(await ask()).toBe(200);
    expect(connections).toHaveLength(2);
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  }
});
