/** Protects: a mirror can neither hang the updater nor fill its memory, and a broken connection costs only its rest. */
import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { testSystem } from "../../../test/worlds/host/system.ts";
import { serveRepository } from "../../../repo/serve.ts";
import { download, downloadBytes } from "./download.ts";

const content = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
const never = new AbortController().signal;

/** A server that answers each connection with the next of `behaviours`. */
async function mirror(
  ...behaviours: ((socket: Socket, from: number) => void)[]
): Promise<AsyncDisposable & { url: URL; requests: number[] }> {
  const requests: number[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined); // the client hangs up on purpose
    socket.once("data", (request) => {
      const from = Number(/range: bytes=(\d+)-/i.exec(request.toString())?.[1] ?? 0);
      requests.push(from);
      const behave = behaviours[Math.min(requests.length, behaviours.length) - 1];
      behave?.(socket, from);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/file`),
    requests,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}
const whole = (socket: Socket): void =>
  void socket.end(
    Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`), content]),
  );
const rest = (socket: Socket, from: number): void => {
  const head = `HTTP/1.1 206 Partial\r\ncontent-length: ${content.length - from}\r\ncontent-range: bytes ${from}-${content.length - 1}/${content.length}\r\n\r\n`;
  socket.end(Buffer.concat([Buffer.from(head), content.subarray(from)]));
};
const cutAfter =
  (bytes: number) =>
  (socket: Socket): void => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`);
    socket.write(content.subarray(0, bytes), () => setTimeout(() => socket.destroy(), 100)); // after it was read
  };
const stallAfter =
  (bytes: number) =>
  (socket: Socket): void => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`);
    socket.write(content.subarray(0, bytes));
  };
const status =
  (code: number) =>
  (socket: Socket): void =>
    void socket.end(`HTTP/1.1 ${code} No\r\ncontent-length: 0\r\n\r\n`);

const get = async (url: URL, maxBytes = content.length, stallMs = 300): Promise<Buffer> => {
  await using host = await testSystem();
  return await downloadBytes(host.system, url, {}, { maxBytes, signal: never, stallMs });
};

test("a whole file comes as it is", async () => {
  await using server = await mirror(whole);
  expect(content.equals(await get(server.url))).toBe(true);
});

test("a truncated answer is resumed where it broke", async () => {
  await using server = await mirror(cutAfter(40_000), rest);
  expect(content.equals(await get(server.url))).toBe(true);
  expect(server.requests[0]).toBe(0);
  expect(server.requests[1]).toBeGreaterThan(0);
});

test("a server that cannot resume sends it again, and nothing comes twice", async () => {
  await using server = await mirror(cutAfter(40_000), whole);
  expect(content.equals(await get(server.url))).toBe(true);
});

test("a server that sends another part than asked is not believed", async () => {
  const elsewhere = (socket: Socket, from: number): void => {
    const range = `bytes ${from + 7}-${from + 16}/${content.length}`;
    const head = `HTTP/1.1 206 Partial\r\ncontent-length: 10\r\ncontent-range: ${range}\r\n\r\n`;
    socket.end(Buffer.concat([Buffer.from(head), Buffer.alloc(10)]));
  };
  await using server = await mirror(cutAfter(5), elsewhere, rest);
  expect(content.equals(await get(server.url))).toBe(true);
  const [first, second, third] = server.requests;
  expect([first, server.requests.length]).toEqual([0, 3]);
  expect(third).toBe(second); // however much came before the cut, nothing of the other part was added
});

test("a server that stalls is left and asked for the rest", async () => {
  await using server = await mirror(stallAfter(10_000), rest);
  expect(content.equals(await get(server.url))).toBe(true);
});

test("a server error is tried again", async () => {
  await using server = await mirror(status(503), status(500), whole);
  expect(content.equals(await get(server.url))).toBe(true);
});

test("a missing file is told at once, without another try", async () => {
  for (const code of [403, 404]) {
    await using server = await mirror(status(code));
    await expect(get(server.url)).rejects.toMatchObject({ code: "not-found" });
    expect(server.requests).toHaveLength(1);
  }
});

test("more bytes than allowed are refused, announced or not", async () => {
  await using announced = await mirror(whole);
  await expect(get(announced.url, 99_999)).rejects.toMatchObject({ code: "too-long" });
  await using silent = await mirror((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    socket.end(content);
  });
  await expect(get(silent.url, 99_999)).rejects.toMatchObject({ code: "too-long" });
});

test("a server that never brings anything is given up", async () => {
  await using server = await mirror(stallAfter(0));
  await expect(get(server.url, content.length, 300)).rejects.toMatchObject({ code: "unreachable" });
  expect(server.requests).toHaveLength(5);
});

test("a server that sends a byte now and then is given up, whether it keeps the connection or not", async () => {
  await using host = await testSystem();
  const limits = { maxBytes: content.length, signal: never, stallMs: 200, slownessWindowMs: 200 };
  await using dripping = await mirror((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`);
    const drip = setInterval(() => socket.write("x"), 50);
    socket.on("close", () => clearInterval(drip));
  });
  await expect(downloadBytes(host.system, dripping.url, {}, limits)).rejects.toMatchObject({ code: "unreachable" });
  expect(dripping.requests).toHaveLength(5);
  await using stingy = await mirror((socket, from) => {
    socket.write(
      from === 0
        ? `HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`
        : `HTTP/1.1 206 Partial\r\ncontent-length: ${content.length - from}\r\ncontent-range: bytes ${from}-${content.length - 1}/${content.length}\r\n\r\n`,
    );
    socket.write("x");
  });
  await expect(downloadBytes(host.system, stingy.url, {}, limits)).rejects.toMatchObject({ code: "unreachable" });
  expect(stingy.requests).toHaveLength(5);
});

test("a reader that is busy with what came, as with a slow disk, is not taken for a mirror that sends nothing", async () => {
  await using host = await testSystem();
  let sendRest = (): void => undefined;
  await using server = await mirror((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`);
    socket.write(content.subarray(0, 10));
    sendRest = () => void socket.end(content.subarray(10));
  });
  const limits = { maxBytes: content.length, signal: never, stallMs: 1_500, slownessWindowMs: 1_500 };
  const chunks: Uint8Array[] = [];
  for await (const chunk of download(host.system, server.url, {}, limits)) {
    chunks.push(chunk);
    if (chunks.length > 1) continue;
    sendRest();
    await Bun.sleep(2_500);
  }
  expect(chunks[0]).toHaveLength(10);
  expect(content.equals(Buffer.concat(chunks))).toBe(true);
  expect(server.requests).toEqual([0]);
});

test("the end of the caller's signal ends the download", async () => {
  await using server = await mirror(stallAfter(10));
  await using host = await testSystem();
  const signal = AbortSignal.timeout(100);
  await expect(downloadBytes(host.system, server.url, {}, { maxBytes: 1_000_000, signal })).rejects.toThrow();
});

test("our own server resumes as asked", async () => {
  using server = serveRepository(import.meta.dir);
  const url = new URL("download.test.ts", server.url);
  expect((await get(url, 1_000_000)).toString()).toBe(await Bun.file(import.meta.path).text());
  const part = await fetch(url, { headers: { range: "bytes=10-19" } });
  expect([part.status, (await part.text()).length]).toEqual([206, 10]);
});
