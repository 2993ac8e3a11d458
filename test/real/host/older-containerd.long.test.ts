/**
 * Protects: a host that goes from an image with containerd 1.7 to one with 2, or back, runs on from what is on its disk,
 * without a registry. Both versions are real, here without a machine around them; the machine is in
 * `test/real/vm/older-containerd.long.test.ts`.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { digestOf } from "../../../image/oci/layout.ts";
import { runTool } from "../../../image/packages/tools-root.ts";
import { machineClock } from "../../../lib/clock.ts";
import { run } from "../../../lib/program/process.ts";
import { testContainerd, type TestContainerd } from "../../worlds/containers/containerd.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { writeRegistryHosts } from "../../worlds/containers/registry-hosts.ts";
import { startTestRegistry } from "../../worlds/containers/registry.ts";
import { compileMs, openRuntime } from "../../worlds/containers/runtime.ts";
import type { Description } from "../../../host/containers/description.ts";
import { DescriptorSchema } from "../../../host/containers/containerd/api/types_pb.ts";
import { bringImage, type PullContext } from "../../../host/containers/pull/pull.ts";
import { parseReference } from "../../../host/containers/registry/reference.ts";
import { runContainer } from "../../../host/containers/run-container.ts";
import { specOf } from "../../../host/containers/spec/spec.ts";

const namespace = "older";
const description: Description = { type: "host", name: "probe", source: "", superpowered: false, api: "none" };

/** Of a registry that refuses at once. */
const first = "127.0.0.1:9/test/first:v1";

/** By calls that both versions have: 1.7 cannot pull as version 2 does. */
async function importInto({ containerd, directory }: TestContainerd, name: string): Promise<void> {
  await using image = await busyboxImage({ entrypoint: ["/bin/sh", "-c", "exit 40"] });
  const archive = join(directory, "image.tar");
  await run(["tar", "--create", `--file=${archive}`, `--directory=${image.layout}`, "."]);
  const socket = join(directory, "run/host-containerd/containerd.sock");
  const ctr = ["ctr", `--address=${socket}`, `--namespace=${namespace}`, "images", "import", "--local"] as const;
  await runTool(await openRuntime(), [...ctr, `--index-name=${name}`, archive], { binds: [directory] });
  // A name means an image for this machine, as hosts have always had it; what was imported is an index.
  const { image: imported } = await containerd.images.get({ name });
  const digest = await digestOf(image.layout);
  const size = BigInt(Bun.file(join(image.layout, "blobs", digest.replace(":", "/"))).size);
  const target = create(DescriptorSchema, { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size });
  if (imported !== undefined) await containerd.images.update({ image: { ...imported, target } });
}

test(
  "containerd 2 runs what 1.7 kept, and 1.7 what 2 pulled, without a registry",
  async () => {
    const registry = await startTestRegistry({ tls: false, auth: false });
    const second = `${registry.here}/test/second:v1`;
    await using image = await busyboxImage({ entrypoint: ["/bin/sh", "-c", "exit 41"] });
    await registry.push(image.layout, "test/second:v1");
    await using world = await testContainerd(namespace);
    const { containerd, directory } = world;
    const log = { info: () => undefined, error: () => undefined };
    const registries = { mirrors: [], credentials: [] };
    const context: PullContext = {
      containerd,
      registries,
      hostsDirectory: await writeRegistryHosts(directory, registries),
      clock: machineClock,
      log,
    };
    const running = { containerd, id: "probe", directory: join(directory, "pipes"), clock: machineClock, log };
    const exitCodeOf = async (source: string): Promise<number> => {
      const signal = AbortSignal.timeout(120_000);
      const prepare = async () => {
        const image = await bringImage(context, parseReference(source), signal);
        const spec = specOf({ description, image: image.config, environment: {}, labelled: false });
        spec.linux.cgroupsPath = `/host-containers/older-${process.pid}`;
        spec.process.rlimits = [];
        spec.mounts = spec.mounts.filter(({ type }) => type !== "bind");
        return { image, spec };
      };
      return (await runContainer(running, prepare, signal)).exitCode;
    };

    const version = async (): Promise<string> => {
      const lines = await Bun.file(join(directory, "log")).text();
      return /starting containerd.* version=(v\d+\.\d+)/.exec(lines)?.[1] ?? lines;
    };
    await world.restart("1.7");
    expect(await version()).toBe("v1.7");
    await importInto(world, first);
    expect(await exitCodeOf(first)).toBe(40);
    await world.restart("2");
    expect(await version()).toBe("v2.4");
    expect(await exitCodeOf(second)).toBe(41);
    await registry[Symbol.asyncDispose]();
    expect(await exitCodeOf(first)).toBe(40);
    await world.restart("1.7");
    expect([await exitCodeOf(first), await exitCodeOf(second)]).toEqual([40, 41]);
    await world.restart("2");
    expect([await exitCodeOf(first), await exitCodeOf(second)]).toEqual([40, 41]);
  },
  compileMs,
);
