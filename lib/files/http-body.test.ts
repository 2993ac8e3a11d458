import { expect, test } from "bun:test";
import { bytesOf, chunksOf } from "./http-body.ts";

const limits = { mostBytes: 1000, stallMs: 10_000 };

/** Sends `size` bytes at each pull, for ever. */
function endless(size: number): { body: ReadableStream<Uint8Array>; sent: () => number } {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += size;
      controller.enqueue(new Uint8Array(size));
    },
  });
  return { body, sent: () => sent };
}

test("a body within the limit comes whole, and one without bytes is empty", async () => {
  expect(String(await bytesOf(new Response("x".repeat(1000)), "it", limits))).toBe("x".repeat(1000));
  expect(await bytesOf(new Response(null), "it", limits)).toHaveLength(0);
});

test("a body without end is given up at its limit", async () => {
  const { body, sent } = endless(300);
  await expect(bytesOf(new Response(body), "the manifest", limits)).rejects.toMatchObject({
    code: "too-long",
    message: "cannot read the manifest: it is longer than 1000 bytes",
  });
  expect(sent()).toBeLessThan(3000);
});

test("of a body that announces more than the limit nothing is read", async () => {
  const { body, sent } = endless(10);
  const response = new Response(body, { headers: { "content-length": "1001" } });
  await expect(bytesOf(response, "it", limits)).rejects.toMatchObject({ code: "too-long" });
  expect(sent()).toBeLessThan(100);
});

test("silence is not waited for, whatever came before it", async () => {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(5)) });
  await expect(bytesOf(new Response(body), "it", { ...limits, stallMs: 50 })).rejects.toMatchObject({
    code: "stalled",
    message: "nothing came for 0.05 s",
  });
});

test("a reader that takes its time is not the server's silence", async () => {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < 3; at++) controller.enqueue(new Uint8Array(5));
      controller.close();
    },
  });
  let chunks = 0;
  for await (const _ of chunksOf(body, { stallMs: 100, slowest: { bytes: 1_000_000, waitedMs: 100 } })) {
    chunks++;
    await Bun.sleep(150);
  }
  expect(chunks).toBe(3);
});

test("a trickle is given up, however steady it is", async () => {
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Bun.sleep(5);
      controller.enqueue(new Uint8Array(1));
    },
  });
  const read = async (): Promise<void> => {
    for await (const _ of chunksOf(body, { stallMs: 10_000, slowest: { bytes: 100_000, waitedMs: 100 } }));
  };
  await expect(read()).rejects.toMatchObject({ code: "too-slow" });
});
