/** `./orlop registry` */
import { join } from "node:path";
import { Failure } from "../lib/failure.ts";
import { say } from "../lib/progress.ts";
import { hostOfGuests } from "../vm/qemu.ts";
import { buildDirectory, mirrorOption, verb } from "./context.ts";

export const registry = verb({
  name: "registry",
  summary: "Serve the images of host containers to machines of `up`, until Ctrl-C",
  description: `Builds the images of the admin and control containers, and one to prepare machines with (parted,
mkfs.ext4, mount), and serves them over plain HTTP on loopback. The variant dev has admin and control by these names.`,
  examples: [{ run: "./orlop registry", says: "guests find them at 10.0.2.2:5000" }],
  options: {
    port: { type: "text", value: "PORT", help: "Port to listen on", default: "5000", parse: parsePort },
    mirror: mirrorOption,
  },
  async run({ invocation }, { port, mirror }) {
    const { signal } = invocation;
    const { builtContainer } = await import("./built-image.ts");
    const { prepareImage } = await import("../image/oci/prepare-image.ts");
    const { machineArchitecture } = await import("../image/packages/tools-root.ts");
    const { startRegistry } = await import("../vm/registry.ts");
    const architecture = machineArchitecture();
    await using served = await startRegistry({ directory: join(buildDirectory, "registry"), port, signal });
    const push = async (layout: string, name: string): Promise<void> => {
      await served.push(layout, `orlop/${name}:latest`, signal);
      invocation.write(`${hostOfGuests}:${port}/orlop/${name}:latest\n`);
    };
    for (const image of ["admin", "control"] as const) {
      await push((await builtContainer({ image, architecture, mirror }, signal)).layout, image);
    }
    {
      await using prepare = await prepareImage();
      await push(prepare.layout, "prepare");
    }
    say("serving; Ctrl-C ends it");
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) return;
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
  },
});

/** @throws {Failure<"bad-port">} */
function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) <= 65_535) return Number(text);
  throw new Failure("bad-port", `a port from 1 to 65535 is expected, not "${text}"`);
}
