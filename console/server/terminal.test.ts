/** Protects: what is typed in the page reaches the program and what that prints the page, both as bytes, until either ends. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket } from "ws-8";
import { connect } from "../../api/client/client.ts";
import type { ExecRequest } from "../../api/client/exec-client.ts";
import { serveTerminal } from "./terminal.ts";

type Terminal = AsyncDisposable & { address: (query: string) => string };

/** The host is a function here: `api/client/exec-client.ts` has its own tests against a real one. */
async function terminalOf(exec: (request: ExecRequest) => Promise<number>): Promise<Terminal> {
  const client = { ...connect({ socket: "/nowhere" }), exec };
  const server = createServer();
  const stop = new AbortController();
  server.on("upgrade", (request, socket, head) => {
    const { searchParams } = new URL(request.url ?? "", "http://localhost");
    serveTerminal(client, { request, socket, head }, searchParams, stop.signal);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A TCP server that listens has an address of this form.
  const { port } = server.address() as AddressInfo;
  return {
    address: (query) => `ws://127.0.0.1:${port}/terminal?${query}`,
    async [Symbol.asyncDispose]() {
      stop.abort();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A page that keeps what it gets. */
function pageAt(address: string): { page: WebSocket; bytes: () => string; texts: string[]; closed: Promise<unknown> } {
  const page = new WebSocket(address);
  const chunks: Buffer[] = [];
  const texts: string[] = [];
  page.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) chunks.push(data);
    else texts.push(data.toString());
  });
  return { page, bytes: () => Buffer.concat(chunks).toString(), texts, closed: once(page, "close") };
}

const query = "name=admin&command=cat+-v&rows=30&cols=100";

test("a program gets its words, the size and what is typed, and its end is told", async () => {
  const sizes: unknown[] = [];
  let named: Pick<ExecRequest, "target" | "command"> | undefined;
  await using terminal = await terminalOf(async ({ target, command, terminal: asked, input, output }) => {
    named = { target, command };
    sizes.push(asked?.size);
    asked?.onResize((size) => sizes.push(size));
    for await (const bytes of input) {
      await output(bytes);
      if (Buffer.from(bytes).toString().endsWith("end")) return 7;
    }
    return 0;
  });
  const { page, bytes, texts, closed } = pageAt(terminal.address(query));
  await once(page, "open");
  page.send(Buffer.from("grüße\n"));
  for (const nonsense of ["{", "[]", '{"rows":0,"cols":9}']) page.send(nonsense);
  page.send(JSON.stringify({ rows: 50, cols: 132 }));
  page.send(Buffer.from("end"));
  await closed;
  expect(named).toEqual({ target: "admin", command: ["cat", "-v"] });
  expect(sizes).toEqual([
    { rows: 30, cols: 100 },
    { rows: 50, cols: 132 },
  ]);
  expect(bytes()).toBe("grüße\nend");
  expect(texts.join()).toContain("cat -v ended with exit code 7");
});

test("a program ends with its page, and a refusal of the host is told in its words", async () => {
  const ended = Promise.withResolvers<string>();
  await using endless = await terminalOf(async ({ signal }) => {
    await once(signal, "abort");
    ended.resolve("ended");
    return 130;
  });
  const { page } = pageAt(endless.address(query));
  await once(page, "open");
  page.close();
  expect(await ended.promise).toBe("ended");

  await using refusing = await terminalOf(async () => {
    throw new Error("admin does not run");
  });
  const { texts, closed } = pageAt(refusing.address(query));
  await closed;
  expect(texts.join()).toContain("admin does not run");
});

test("a terminal without a size or with an absurd one is none", async () => {
  await using terminal = await terminalOf(async () => 0);
  for (const bad of [
    "name=admin&command=sh",
    "name=admin&command=sh&rows=99999&cols=80",
    "command=sh&rows=24&cols=80",
  ]) {
    const page = new WebSocket(terminal.address(bad));
    const [error] = (await once(page, "error")) as [Error];
    expect(error.message).toContain("400");
  }
});
