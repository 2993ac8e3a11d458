import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeIn, startEgress } from "./egress.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "egress-"));
});
afterAll(async () => rm(directory, { recursive: true }));

/** All that comes back for words sent through the proxy. */
async function answerTo(socket: string, words: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const client = connect(socket);
    let answer = "";
    client.on("data", (data) => (answer += data.toString()));
    client.on("close", () => resolve(answer));
    client.on("error", reject);
    client.write(words);
  });
}

test("what the API server says to a node reaches the port of that machine, and the answer comes back", async () => {
  const asked: string[] = [];
  using kubelet = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => new Response(request.url) });
  const socket = join(directory, "good.sock");
  await using _egress = await startEgress(socket, async (node) => {
    asked.push(node);
    return await Promise.resolve(kubelet.port);
  });
  const client = connect(socket);
  client.write("CONNECT node-1:10250 HTTP/1.1\r\nHost: node-1:10250\r\n\r\n");
  const answers = client[Symbol.asyncIterator]();
  expect(String((await answers.next()).value)).toBe("HTTP/1.1 200 OK\r\n\r\n");
  client.write("GET /pods HTTP/1.1\r\nHost: kubelet\r\nConnection: close\r\n\r\n");
  expect(String((await answers.next()).value)).toContain("http://kubelet/pods");
  client.destroy();
  expect(asked).toEqual(["node-1"]);
});

test("nothing but kubelets of machines that run is reached", async () => {
  const socket = join(directory, "bad.sock");
  await using _egress = await startEgress(socket, async () => Promise.resolve(undefined));
  expect(await answerTo(socket, "CONNECT gone:10250 HTTP/1.1\r\n\r\n")).toBe(
    "HTTP/1.1 502 no machine gone runs\r\n\r\n",
  );
  expect(await answerTo(socket, "CONNECT example.com:443 HTTP/1.1\r\n\r\n")).toBe("HTTP/1.1 502 not a kubelet\r\n\r\n");
  expect(await answerTo(socket, "x".repeat(10_000))).toBe("");
});

test("only a request for a kubelet names a node", () => {
  expect(nodeIn("CONNECT node-1.example:10250 HTTP/1.1\r\n")).toBe("node-1.example");
  expect(nodeIn("CONNECT node-1:22 HTTP/1.1\r\n")).toBeUndefined();
  expect(nodeIn("GET / HTTP/1.1\r\n")).toBeUndefined();
});

test("a node whose port cannot be told is refused, and the proxy goes on", async () => {
  const socket = join(directory, "broken.sock");
  await using _egress = await startEgress(socket, async () => await Promise.reject(new Error("its record is gone\n")));
  const words = "CONNECT node-1:10250 HTTP/1.1\r\nHost: node-1:10250\r\n\r\n";
  for (let times = 0; times < 2; times++)
    expect(await answerTo(socket, words)).toStartWith("HTTP/1.1 502 its record is gone ");
});
