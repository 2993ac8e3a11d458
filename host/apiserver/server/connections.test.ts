/** Slow, silent and too many clients, against the real daemon with limits that are met soon. */
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { connect, Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Connections } from "./connections.ts";
import { networkOf } from "./remote-server.ts";
import { runningHost, type RunningHost } from "../../../test/worlds/host/running-host.ts";

const requestMs = 500;
const most = 12;
/** The limit, a turn of the timer that looks, and a machine that is busy. */
const closedWithinMs = 4_000;

let host: RunningHost;
beforeAll(async () => {
  host = await runningHost({ limits: { most, requestMs } });
});
afterAll(async () => host[Symbol.asyncDispose]());

type Session = { socket: Socket; answer: () => string; closedAfterMs: Promise<number> };

function open(): Session {
  const socket = connect(host.socket);
  const startMs = performance.now();
  let text = "";
  socket.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  socket.on("error", () => undefined);
  const closedAfterMs = new Promise<number>((resolve) =>
    socket.on("close", () => resolve(performance.now() - startMs)),
  );
  return { socket, answer: () => text, closedAfterMs };
}

function expectClosedByLimit(ms: number): void {
  expect(ms).toBeGreaterThan(requestMs * 0.9);
  expect(ms).toBeLessThan(closedWithinMs);
}

/** Writes a byte now and then, as long as the connection lasts. */
function drip({ socket }: Session, byte: string): void {
  const timer = setInterval(() => socket.write(byte), 40);
  socket.on("close", () => clearInterval(timer));
}

const request = "GET /settings?keys=settings.motd HTTP/1.1\r\nHost: x\r\n\r\n";

test("a client that sends nothing is cut off", async () => {
  expectClosedByLimit(await open().closedAfterMs);
});

test("a client that sends its header byte by byte is cut off", async () => {
  const session = open();
  session.socket.write("GET /settings HTTP/1.1\r\nX-Slow: ");
  drip(session, "x");
  expectClosedByLimit(await session.closedAfterMs);
});

test("a client that sends its body byte by byte is cut off", async () => {
  const session = open();
  session.socket.write("PATCH /settings HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  drip(session, " ");
  expectClosedByLimit(await session.closedAfterMs);
});

test("a connection that idles after an answer is closed, one that goes on asking is not", async () => {
  const session = open();
  for (let count = 0; count < 5; count++) {
    session.socket.write(request);
    await Bun.sleep(requestMs / 2);
  }
  expect(session.answer().match(/HTTP\/1\.1 200/g)).toHaveLength(5);
  expect(await session.closedAfterMs).toBeGreaterThan(requestMs * 2.5);
});

test("a client that does not take its answer is cut off", async () => {
  const session = open();
  session.socket.pause();
  session.socket.write("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(40));
  await Bun.sleep(requestMs * 4);
  session.socket.resume();
  await session.closedAfterMs;
  expect(session.answer().split("HTTP/1.1 200").length - 1).toBeLessThan(40);
});

/** A connection of whoever it is, and whether it is still there. */
function connectionOf(connections: Connections<string>, owner: string | undefined) {
  const socket = new Socket();
  const connection = connections.admit(
    socket,
    () => "peer",
    () => owner,
  );
  return { connection, isOpen: () => !socket.destroyed };
}

test("who has as many as its share makes room for itself, and takes none of others", () => {
  using connections = new Connections<string>({ most: 10, share: 3, requestMs: 60_000 });
  const [first, second] = [connectionOf(connections, "a"), connectionOf(connections, "a")];
  if (first.connection !== undefined) connections.requestComplete(first.connection);
  const other = connectionOf(connections, "b");
  const more = Array.from({ length: 5 }, () => connectionOf(connections, "a"));
  // What the host works on is not taken away; what waits for its client longest is.
  expect([first.isOpen(), second.isOpen(), other.isOpen()]).toEqual([true, false, true]);
  expect(more.filter(({ isOpen }) => isOpen())).toHaveLength(2);
});

test("when there is no room, who has most gives one up, and the newcomer is served", () => {
  using connections = new Connections<string>({ most: 6, share: 5, requestMs: 60_000 });
  const flood = Array.from({ length: 5 }, () => connectionOf(connections, "stranger"));
  const [ada, bob] = [connectionOf(connections, "ada"), connectionOf(connections, undefined)];
  expect([ada.isOpen(), bob.isOpen()]).toEqual([true, true]);
  expect(flood.map(({ isOpen }) => isOpen())).toEqual([false, true, true, true, true]);
});

test.each([
  ["::ffff:10.0.0.5", "10.0.0.5"],
  ["10.0.0.5", "10.0.0.5"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
])("who connects from %s shares with %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test("what is all worked on makes no room", () => {
  using connections = new Connections<string>({ most: 2, requestMs: 60_000 });
  for (const { connection } of [connectionOf(connections, "a"), connectionOf(connections, "a")]) {
    if (connection !== undefined) connections.requestComplete(connection);
  }
  expect(connectionOf(connections, "b").connection).toBeUndefined();
});

test("too many connections: the oldest make room, the others are served", async () => {
  const sessions = Array.from({ length: most * 2 }, open);
  await Promise.all(sessions.map(async ({ socket }) => (socket.connecting ? once(socket, "connect") : undefined)));
  for (const { socket } of sessions) socket.write(request);
  await Promise.all(sessions.map(({ closedAfterMs }) => closedAfterMs));
  const served = sessions.filter(({ answer }) => answer().startsWith("HTTP/1.1 200"));
  expect(served).toHaveLength(most);
  expect((await host.api.call("getSettings", { query: { keys: ["settings.motd"] } }))["motd"]).toBeString();
});

test("the socket is for its owner and its group alone", async () => {
  expect((await stat(host.socket)).mode & 0o777).toBe(0o660);
});
