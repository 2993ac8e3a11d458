/**
 * A host in this process with a real container: the daemon of `running-host.ts`, a real containerd where it looks for
 * that of the host's containers, and one container of busybox in it.
 *
 * ```ts
 * await using host = await hostWithContainer("probe");
 * await invoke(apiclient, ["-s", host.socket, "exec", "probe", "ls"]);
 * ```
 */
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { machineClock } from "../../../lib/clock.ts";
import type { Containerd } from "../../../host/containers/containerd/containerd.ts";
import { bringImage } from "../../../host/containers/pull/pull.ts";
import { parseReference } from "../../../host/containers/registry/reference.ts";
import { specOf } from "../../../host/containers/spec/spec.ts";
import { startContainer } from "../../../host/containers/start-container.ts";
import { stopContainer } from "../../../host/containers/stop-container.ts";
import { testContainerd } from "../../worlds/containers/containerd.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { writeRegistryHosts } from "../../worlds/containers/registry-hosts.ts";
import { startTestRegistry } from "../../worlds/containers/registry.ts";
import { runningHost, type RunningHost } from "../../worlds/host/running-host.ts";

export type HostWithContainer = RunningHost & { containerd: Containerd };

export async function hostWithContainer(name: string): Promise<HostWithContainer> {
  await using stack = new AsyncDisposableStack();
  const { containerd, directory } = stack.use(await testContainerd("default"));
  const host = stack.use(await runningHostIn(directory));
  const registry = stack.use(await startTestRegistry({ tls: false, auth: false }));
  const entrypoint = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait"];
  const image = stack.use(await busyboxImage({ entrypoint, environment: { FROM_IMAGE: "yes" } }));
  await registry.push(image.layout, "test/probe:v1");

  const log = { info: () => undefined, error: () => undefined };
  const registries = { mirrors: [{ registry: "*", endpoint: [`http://${registry.here}`] }], credentials: [] };
  const hostsDirectory = await writeRegistryHosts(directory, registries);
  const reference = parseReference("registry.example.com/test/probe:v1");
  const context = { containerd, registries, hostsDirectory, clock: machineClock, log };
  const got = await bringImage(context, reference, new AbortController().signal);
  const description = { type: "host", name, source: "", superpowered: false, api: "none" } as const;
  const spec = specOf({ description, image: got.config, environment: {}, labelled: false });
  // runc starts nothing in a group with other processes, such as those of another run of this test.
  spec.linux.cgroupsPath = `/host-containers/${name}-${process.pid}`;
  // What only a host has, and may.
  spec.process.rlimits = [];
  spec.mounts = spec.mounts.filter(({ type }) => type !== "bind");
  const place = { containerd, id: name, directory: join(directory, "pipes"), clock: machineClock, log };
  await startContainer(place, { image: got, spec }, "inherit");
  stack.defer(async () => void (await stopContainer(place)));

  // Where the daemon looks for the containerd of the host's containers.
  await symlink(join(directory, "run/host-containerd"), join(host.machine.system.root, "run/host-containerd"));
  const all = stack.move();
  return { ...host, containerd, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Its machine lies below a directory that containerd sees too: the pipes of programs do. */
async function runningHostIn(directory: string): Promise<RunningHost> {
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = directory;
  try {
    return await runningHost();
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
}
