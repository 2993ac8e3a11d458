import { afterAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./load.ts";

const directory = await mkdtemp(join(tmpdir(), "load-"));
afterAll(async () => rm(directory, { recursive: true }));

test("every request is answered once, and what they took is told", async () => {
  let served = 0;
  const socket = join(directory, "whole.sock");
  using server = Bun.serve({ unix: socket, fetch: () => new Response(`${"x".repeat(9999)}${served++ % 10}`) });
  const result = await run({ socket, target: "/", clients: 7, requests: 100 });
  expect(served).toBe(101); // one to learn the shape of an answer
  expect(result.bodyBytes).toBe(10_000);
  expect(result.requestsPerSecond).toBeGreaterThan(0);
  expect(result.p50Ms).toBeLessThanOrEqual(result.p99Ms);
  expect(server.pendingRequests).toBe(0);
});

test("a server that refuses in the middle fails the run", async () => {
  let served = 0;
  const socket = join(directory, "refusing.sock");
  using server = Bun.serve({
    unix: socket,
    fetch: () => new Response("same", { status: served++ < 5 ? 200 : 503 }),
  });
  await expect(run({ socket, target: "/", clients: 2, requests: 20 })).rejects.toThrow(
    /an answer begins "HTTP\/1.1 503/,
  );
  expect(server.protocol).toBe("http");
});
