import { Writable } from "node:stream";
import { expect, test } from "bun:test";
import { relay } from "./run-container.ts";

test("what a container prints waits until it is taken", async () => {
  let written = 0;
  let most = 0;
  const slow = new Writable({
    highWaterMark: 1000,
    write(part: Buffer, _encoding, done) {
      written += part.length;
      setTimeout(done, 1);
    },
  });
  async function* printed() {
    for (let part = 0; part < 100; part++) {
      yield Buffer.alloc(600, "x");
      most = Math.max(most, slow.writableLength);
    }
  }
  await relay(printed(), slow);
  await new Promise<void>((resolve) => slow.end(() => resolve()));
  expect(written).toBe(60_000);
  expect(most).toBeLessThan(2500);
});
