/** `./orlop registry` */
import { join } from "node:path";
import { hostOfGuests } from "../../vm/qemu/qemu.ts";
import { buildDirectory, mirrorOption, verb } from "../context.ts";
import { untilAborted } from "../../lib/abortable.ts";
import { portOf } from "../../lib/command/port.ts";
import { runServer, serverOptions, type ServerVerb } from "../server.ts";

export const registry = verb({
  name: "registry",
  summary: "Serve the images of host containers, and of the fleet's operator, to machines of `up`",
  description: `Builds the images of the admin and control containers, one to prepare machines with (parted, mkfs.ext4,
mount), and that of the fleet's operator, and serves them over plain HTTP on loopback. The variant dev has admin and
control by these names.`,
  examples: [
    { run: "./orlop registry", description: "until Ctrl-C; guests find them at 10.0.2.2:5000" },
    { run: "./orlop registry --detach", description: "until `./orlop registry --stop`" },
  ],
  options: {
    port: {
      type: "text",
      value: "PORT",
      help: "Port to listen on",
      default: "5000",
      parse: (text: string) => portOf(text, 1),
    },
    mirror: mirrorOption,
    ...serverOptions,
  },
  async run({ invocation }, { port, mirror, ...how }) {
    const words = ["registry", "--port", String(port), ...(mirror === undefined ? [] : ["--mirror", mirror])];
    const serve: ServerVerb["serve"] = async (ready, signal) => await serveImages({ port, mirror, ready, signal });
    return await runServer({ name: "registry", words, serve }, how, invocation);
  },
});

type ImageServer = {
  port: number;
  mirror: string | undefined;
  ready: (announcement: string) => Promise<void>;
  signal: AbortSignal;
};

async function serveImages({ port, mirror, ready, signal }: ImageServer): Promise<void> {
  const { builtContainer } = await import("../image/built-image.ts");
  const { prepareImage } = await import("../../image/oci/prepare-image.ts");
  const { machineArchitecture } = await import("../../image/packages/tools-root.ts");
  const { startRegistry } = await import("../../vm/registry.ts");
  const architecture = machineArchitecture();
  const names: string[] = [];
  await using served = await startRegistry({ directory: join(buildDirectory, "registry"), port, signal });
  const push = async (layout: string, name: string): Promise<void> => {
    await served.push(layout, `orlop/${name}:latest`, signal);
    names.push(`${hostOfGuests}:${port}/orlop/${name}:latest`);
  };
  for (const image of ["admin", "control", "fleet"] as const) {
    await push((await builtContainer({ image, architecture, mirror }, signal)).layout, image);
  }
  {
    await using prepare = await prepareImage();
    await push(prepare.layout, "prepare");
  }
  await ready(`serving ${names.join(", ")}`);
  await untilAborted(signal);
}
