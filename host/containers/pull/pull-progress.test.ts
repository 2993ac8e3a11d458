import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { Content } from "../containerd/api/content_pb.ts";
import { ProgressSchema } from "../containerd/api/transfer-types_pb.ts";
import { packed } from "../containerd/streams.ts";
import { PullProgress } from "./pull-progress.ts";

const types = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;
const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
const layers = ["a", "b"].map((digit) => ({ mediaType: types.layer, digest: digestOf(digit), size: 50_000_000 }));
const manifest = { config: { mediaType: types.config, digest: digestOf("c"), size: 700 }, layers };

/** A containerd that has the manifest. */
function containerd() {
  const transport = createRouterTransport(({ service }) => {
    service(Content, {
      async *read() {
        yield { data: Buffer.from(JSON.stringify(manifest)) };
      },
    });
  });
  return { content: createClient(Content, transport) };
}

const message = (event: string, desc: { mediaType: string; digest: string }, progress = 0) =>
  packed(ProgressSchema, create(ProgressSchema, { event, desc, progress: BigInt(progress) }));

/** What ends the wait for a pull of which nothing more is told for an hour. */
async function afterAnHour(progress: PullProgress): Promise<string> {
  const hour = new AbortController();
  let elapsedMs = 0;
  const clock = {
    async sleep(ms: number) {
      elapsedMs += ms;
      if (elapsedMs >= 3_600_000) hour.abort(new Error("an hour has passed"));
      hour.signal.throwIfAborted();
      return await Promise.resolve();
    },
  };
  return await progress.untilTooSlow(clock, hour.signal).catch((error: unknown) => String(error));
}

test("each tenth of an image is a line", async () => {
  const lines: string[] = [];
  const progress = new PullProgress(containerd(), (line) => lines.push(line));
  await progress.note(message("complete", { mediaType: types.manifest, digest: digestOf("d") }));
  for (const bytes of [1_000_000, 11_000_000, 12_000_000]) {
    await progress.note(message("downloading", { mediaType: types.layer, digest: digestOf("a") }, bytes));
  }
  await progress.note(message("complete", { mediaType: types.layer, digest: digestOf("a") }, 50_000_000));
  expect(lines).toEqual(["100.0 MB in 2 layers", "11.0 MB of 100.0 MB", "50.0 MB of 100.0 MB"]);
});

test("a pull of which nothing comes is given up while bytes are missing, and is waited for when all are here", async () => {
  const progress = new PullProgress(containerd(), () => undefined);
  await progress.note(message("complete", { mediaType: types.manifest, digest: digestOf("d") }));
  await progress.note(message("complete", { mediaType: types.layer, digest: digestOf("a") }, 50_000_000));
  expect(await afterAnHour(progress)).toContain("0 bytes came in 120 s");
  await progress.note(message("complete", { mediaType: types.layer, digest: digestOf("b") }, 50_000_000));
  expect(await afterAnHour(progress)).toContain("an hour has passed");
});
