import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, createServer as createPlainServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import type { PeerCredentials } from "../../machine/linux.ts";
import { peerOf } from "./peer.ts";

/** A server that answers each request with the credentials of its connection, or with what was thrown. */
async function echo(): Promise<AsyncDisposable & { path: string }> {
  const directory = await mkdtemp(join(tmpdir(), "orlop-peer-"));
  const path = join(directory, "s");
  const peers = new Map<unknown, PeerCredentials | string>();
  const http = createServer((request, response) => {
    response.end(JSON.stringify(peers.get(request.socket)));
  });
  const server = createPlainServer((socket) => {
    try {
      peers.set(socket, peerOf(socket));
    } catch (error) {
      peers.set(socket, String(error));
    }
    http.emit("connection", socket);
  });
  const listening = once(server, "listening");
  server.listen(path);
  await listening;
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.close();
      await rm(directory, { recursive: true });
    },
  };
}

const request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

async function ask(path: string): Promise<unknown> {
  const socket = connect(path);
  let text = "";
  socket.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  socket.write(request);
  await once(socket, "close");
  return JSON.parse(text.slice(text.indexOf("\r\n\r\n")));
}

test("who connects is known by the kernel's word, also when many connect at once", async () => {
  await using server = await echo();
  const answers = await Promise.all(Array.from({ length: 60 }, async () => ask(server.path)));
  const self = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
  for (const answer of answers) expect(answer).toEqual(self);
});

test("another process is told apart", async () => {
  await using server = await echo();
  const script = `
    const { connect } = require("node:net");
    const socket = connect(${JSON.stringify(server.path)});
    socket.on("data", (chunk) => process.stdout.write(chunk));
    socket.write(${JSON.stringify(request)});`;
  const [hostAnswer, scriptAnswer] = await Promise.all([ask(server.path), answerTo(script)]);
  expect(hostAnswer).toMatchObject({ pid: process.pid });
  expect(scriptAnswer.answer).toMatchObject({ pid: scriptAnswer.pid, uid: process.getuid?.() });
});

async function answerTo(script: string): Promise<{ pid: number | undefined; answer: unknown }> {
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  await once(child, "close");
  return { pid: child.pid, answer: JSON.parse(text.slice(text.indexOf("\r\n\r\n"))) };
}
