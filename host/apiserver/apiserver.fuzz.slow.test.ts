/**
 * Whatever a client sends: no crash, no hang, no 5xx, and every refusal says something. Against the real daemon on a
 * real unix socket.
 */
import { connect as connectSocket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { endpoints } from "../../api/endpoints/contract.ts";
import type { Endpoint } from "../../api/endpoints/endpoint.ts";
import { send } from "../../api/client/transport.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";

let host: RunningHost;
beforeAll(async () => {
  host = await runningHost();
  host.machine.programs.set("systemctl", () => "");
});
afterAll(async () => host[Symbol.asyncDispose]());

/** The host is as well as before, and nobody has met a bug. */
afterEach(async () => {
  const settings = await host.api.call("getSettings");
  expect(settings["network"]).toMatchObject({ hostname: "test-host" });
  expect(host.machine.logged.filter((line) => line.includes("bug") || line.includes("\n    at "))).toEqual([]);
});

const answerMsMost = 5_000;

/** Sends bytes as they are and gives what comes back until the server closes, or says nothing more for a moment. */
async function sendRaw(bytes: Uint8Array): Promise<string> {
  const socket = connectSocket(host.socket);
  const closed = Promise.withResolvers<"closed">();
  let text = "";
  socket.on("data", (chunk: Buffer) => void (text += chunk.toString("latin1")));
  socket.on("error", () => closed.resolve("closed"));
  socket.on("close", () => closed.resolve("closed"));
  socket.end(bytes);
  const ended = await Promise.race([closed.promise, Bun.sleep(answerMsMost)]);
  socket.destroy();
  expect(ended).toBe("closed");
  return text;
}

function expectNoServerError(answer: string): void {
  for (const [, status] of answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)) expect(Number(status)).toBeLessThan(500);
}

const requestLine = "GET /settings?keys=settings.motd HTTP/1.1\r\nHost: x\r\n";
const samples = [
  `${requestLine}\r\n`,
  `${requestLine}${requestLine}\r\n`,
  `PATCH /settings HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{"motd": "hi"}`,
  `PATCH /settings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n{"motd": "hi"}\r\n0\r\n\r\n`,
  `POST /plan HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`,
  `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  `CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n`,
];

/** A sample with some bytes replaced, removed or put in. */
const mutated = fc
  .tuple(
    fc.constantFrom(...samples),
    fc.array(fc.tuple(fc.nat(200), fc.nat(3), fc.uint8Array({ maxLength: 6 })), { minLength: 1, maxLength: 4 }),
  )
  .map(([sample, cuts]) =>
    cuts.reduce((bytes, [at, removed, put]) => {
      const start = at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(start + removed)]);
    }, Buffer.from(sample)),
  );

test("raw bytes: the connection is answered or closed", async () => {
  const anything = fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated);
  await fc.assert(
    fc.asyncProperty(anything, async (bytes) => expectNoServerError(await sendRaw(bytes))),
    { numRuns: 300 },
  );
}, 60_000);

test("what is no HTTP gets a 400 that says so", async () => {
  const answer = await sendRaw(Buffer.from("hello there\r\n\r\n"));
  expect(answer).toStartWith("HTTP/1.1 400 ");
  expect(answer).toContain("cannot read the request");
});

const table = Object.values<Endpoint>(endpoints);

test("any path and query: a status of the client's fault, in words", async () => {
  const target = fc.oneof(
    fc.webPath().map((path) => (path === "" ? "/" : path)),
    fc
      .tuple(fc.constantFrom(...table), fc.webQueryParameters())
      .map(([{ path, query }, text]) => `${path}?${Object.keys(query.shape)[0] ?? "x"}=${text}`),
  );
  const method = fc.constantFrom("GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS");
  await fc.assert(
    fc.asyncProperty(method, target, async (verb, line) => {
      const { status, body } = await send({ socket: host.socket }, { method: verb, target: line });
      expect(status).toBeLessThan(500);
      if (status >= 400) expect(body).toMatch(/^cannot .{8}/);
    }),
    { numRuns: 300 },
  );
}, 60_000);

const withBody = table.filter(({ body }) => body !== undefined);
const json = fc.oneof(
  fc.json({ maxDepth: 6 }),
  fc.string(),
  fc
    .dictionary(fc.constantFrom("motd", "ntp", "network", "kernel", "__proto__", "set", "delete"), fc.jsonValue())
    .map((tree) => JSON.stringify(tree)),
  fc.constantFrom(
    '{"__proto__": {"x": 1}}',
    '{"motd": "\\u0000"}',
    '{"motd": "\\ud800"}',
    "null",
    "[]",
    '{"request_payload": ["=", ""]}',
  ),
);

test("any JSON as body: accepted or refused in words", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...withBody), json, async ({ method, path }, body) => {
      const answer = await send({ socket: host.socket }, { method, target: `${path}?tx=fuzz`, body });
      expect(answer.status).toBeLessThan(500);
      if (answer.status >= 400) expect(answer.body).toMatch(/^cannot .{8}/);
      await send({ socket: host.socket }, { method: "DELETE", target: "/tx?tx=fuzz" });
    }),
    { numRuns: 300 },
  );
}, 60_000);

test("a key that every object has already is no setting", async () => {
  for (const body of ['{"__proto__": {"motd": "x"}}', '{"constructor": 1}', '{"toString": "x"}']) {
    const answer = await send({ socket: host.socket }, { method: "PATCH", target: "/settings?tx=proto", body });
    expect([body, answer.status]).toEqual([body, 400]);
  }
});

test("a body that is nested without end, too long, no UTF-8 or compressed is refused by name", async () => {
  const patch = async (body: string, headers: Record<string, string> = {}) =>
    send({ socket: host.socket }, { method: "PATCH", target: "/settings", body, headers });
  expect(await patch("[".repeat(1_000_000))).toMatchObject({
    status: 400,
    body: expect.stringContaining("levels deep"),
  });
  expect(await patch(`{"motd": "${"x".repeat(3 * 1024 * 1024)}"}`)).toMatchObject({ status: 413 });
  expect(await patch("{}", { "content-encoding": "gzip" })).toMatchObject({
    status: 400,
    body: expect.stringContaining("gzip"),
  });
  const head = "PATCH /settings HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n";
  expect(await sendRaw(Buffer.concat([Buffer.from(head), Buffer.from([0x22, 0xff, 0x22])]))).toContain("not UTF-8");
});
