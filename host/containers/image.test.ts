import { expect, test } from "bun:test";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { Content } from "./containerd/api/content_pb.ts";
import { layerBytes } from "./image.ts";

/** A containerd that took from a registry whatever it sent. */
function containerd(blob: () => AsyncIterable<{ data: Uint8Array }>) {
  const transport = createRouterTransport(({ service }) => void service(Content, { read: blob }));
  return { content: createClient(Content, transport) };
}

test("a manifest or configuration without end is not read to its end", async () => {
  let megabytes = 0;
  const endless = containerd(async function* () {
    for (; megabytes < 1000; megabytes++) yield { data: new Uint8Array(1_000_000) };
  });
  await expect(layerBytes(endless, "sha256:endless")).rejects.toThrow(
    "cannot read sha256:endless: it is longer than 8388608 bytes",
  );
  expect(megabytes).toBeLessThan(20);
});
