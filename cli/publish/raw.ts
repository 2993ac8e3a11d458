/** `./orlop publish raw` */
import { formatBytes } from "../../lib/progress.ts";
import { verb } from "../context.ts";
import { buildArgument, outputOption } from "./options.ts";

export const publishRaw = verb({
  name: "publish raw",
  summary: "Compress a build's disk image, with a block map beside it",
  description: "bmaptool writes it to a disk and checks each run of blocks; zstd and dd do without the map.",
  examples: [{ run: "./orlop publish raw build/metal", description: "NAME.img.zst, NAME.img.bmap, NAME.img.sha256" }],
  arguments: { build: buildArgument },
  options: { output: outputOption },
  async run({ invocation: { signal } }, { build, output }) {
    const { readBuild } = await import("../../image/finished-build.ts");
    const { publishRaw: publish } = await import("../../publish/metal/publish-raw.ts");
    const paths = await publish(await readBuild(build), { output, signal });
    return paths.map((path) => ({ path, bytes: Bun.file(path).size }));
  },
  print: (made) => made.map(({ path, bytes }) => `${path}  ${formatBytes(bytes)}`).join("\n"),
});
