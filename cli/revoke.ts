/** `./orlop revoke` */
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { authenticodeHash } from "../lib/efi/authenticode.ts";
import { verb } from "./context.ts";

type Result = { path: string; hashes: string[] };

export const revoke = verb({
  name: "revoke",
  summary: "Make the list of images that firmware shall start never again",
  description: `For images that were signed and should not run any more. \`signpost revoke-images FILE\` on a host gives the
list to its firmware, which believes the key exchange key of ~/.config/orlop/keys and refuses the images from then on.`,
  examples: [
    { run: "./orlop revoke build/orlop-metal-dev-x86_64-0.1.0-dafe3b16.efi", description: "an image of last year" },
  ],
  arguments: { images: { value: "FILE", help: "Unified kernel images, as builds leave them", many: true } },
  options: {
    output: { type: "text", value: "FILE", help: "Where the list goes", default: "dbx.auth", complete: "files" },
  },
  async run({ invocation: { signal } }, { images, output }): Promise<Result> {
    const { openToolsRoot } = await import("../image/packages/tools-root.ts");
    const { openSigningKey } = await import("../image/boot/signing-key.ts");
    const { revocationOf } = await import("../image/boot/revocation.ts");
    const { cacheDirectory, workInCache } = await import("../image/packages/cache.ts");
    const { epochSecondsOf, readLock } = await import("../image/packages/lock.ts");
    const hashes = await Promise.all(images.map(async (path) => authenticodeHash(await readFile(path), path)));
    const tools = await openToolsRoot({ signal });
    const exchange = await openSigningKey(tools, "key-exchange-key");
    await using work = await workInCache(cacheDirectory());
    const epochSeconds = epochSecondsOf(await readLock("x86_64"));
    const path = resolve(output);
    await writeFile(path, await revocationOf(tools, exchange, hashes, { directory: work.path, epochSeconds }));
    return { path, hashes: hashes.map((hash) => hash.toString("hex")) };
  },
  print: ({ path, hashes }) => [...hashes, path].join("\n"),
});
