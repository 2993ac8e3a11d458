/** Protects: an image arrives whole from servers that are not there yet, break off, or cannot go on in the middle. */
import { expect, test } from "bun:test";
import { explain } from "../lib/failure.ts";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { downloaded, downloadedText, type Persistence } from "./download.ts";
import { resolverFile } from "./machine.ts";

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server with an answer for each request in turn, the last one for all that follow. */
async function serverWith(...answers: Answer[]): Promise<AsyncDisposable & { url: string; ranges: string[] }> {
  const ranges: string[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range ?? "whole");
    answers[Math.min(ranges.length, answers.length) - 1]?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/image`,
    ranges,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const breaksOff =
  (bytes: number): Answer =>
  (_, response) => {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 50));
  };
const isBusy: Answer = (_, response) => void response.writeHead(503).end();
const goesOn: Answer = ({ headers }, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1]);
  response.writeHead(206, {
    "content-range": `bytes ${from}-${content.length - 1}/${content.length}`,
    "content-length": content.length - from,
  });
  response.end(content.subarray(from));
};
const beginsAnew: Answer = (_, response) => void response.writeHead(200).end(content);

function patience(triesMost = 5): Persistence & { reasons: string[] } {
  const reasons: string[] = [];
  return {
    clock: { sleep: async () => undefined },
    retries: (reason) => void reasons.push(reason),
    triesMost,
    reasons,
  };
}

async function bytesFrom(url: string, how: Persistence): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of downloaded(url, how)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test("a download goes on where it broke off", async () => {
  await using server = await serverWith(isBusy, breaksOff(100_000), goesOn);
  const how = patience();
  expect((await bytesFrom(server.url, how)).equals(content)).toBe(true);
  expect(server.ranges.slice(0, 2)).toEqual(["whole", "whole"]);
  expect(server.ranges[2]).toMatch(/^bytes=[1-9]\d*-$/);
  expect(how.reasons[0]).toContain("the server answers 503");
});

test("a server that begins anew is passed over as far as it was read", async () => {
  await using server = await serverWith(breaksOff(100_000), beginsAnew);
  expect((await bytesFrom(server.url, patience())).equals(content)).toBe(true);
});

test("what does not come is given up, with the address and the reason", async () => {
  await using server = await serverWith(isBusy);
  const how = patience(3);
  const error = await bytesFrom(server.url, how).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "no-download", message: `cannot fetch ${server.url}: tried 3 times` });
  expect(server.ranges).toHaveLength(3);
});

test("a text has a limit", async () => {
  await using server = await serverWith(beginsAnew);
  const error = await downloadedText(server.url, 1000, patience(1)).catch((reason: unknown) => reason);
  expect(String((error as Error).cause)).toContain("it is longer than 1000 bytes");
  expect(await downloadedText(server.url, content.length, patience(1))).toBe(content.toString("utf8"));
});

test("names are looked up where the lease says", () => {
  const lease = "DEVICE='eth0'\nIPV4ADDR='10.0.2.15'\nIPV4DNS0='10.0.2.3'\nIPV4DNS1='0.0.0.0'\n";
  expect(resolverFile(lease)).toBe("nameserver 10.0.2.3\n");
});

test("a server leads to no weaker place, and what lets its owner in stands in no message", async () => {
  await using other = await serverWith((_, response) => void response.end("served"));
  await using server = await serverWith(
    (_, response) => void response.writeHead(302, { location: other.url }).end(),
    (_, response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end(),
  );
  const url = server.url.replace("http://", "http://me:hunter2@");
  expect(await downloadedText(url, 100, patience(1))).toBe("served");
  const refused = downloadedText(`${url}?key=hunter2`, 100, patience(1)).catch((error: unknown) => explain(error));
  expect(await refused).toContain("it leads from http to file");
  expect(await refused).not.toContain("hunter2");
});
