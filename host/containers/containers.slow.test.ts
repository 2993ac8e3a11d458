/** Against a real containerd, runc and registry on this machine. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { machineClock } from "../../lib/clock.ts";
import { isFailure } from "../../lib/failure.ts";
import { testContainerd } from "../../test/worlds/containers/containerd.ts";
import { eventually } from "../../test/eventually.ts";
import { busyboxImage, type BusyboxImage } from "../../test/worlds/containers/oci-image.ts";
import { writeRegistryHosts } from "../../test/worlds/containers/registry-hosts.ts";
import { startTestRegistry } from "../../test/worlds/containers/registry.ts";
import type { Description } from "./description.ts";
import { ifThere } from "./containerd/containerd.ts";
import { collectGarbage } from "./garbage.ts";
import { bringImage, type PullContext } from "./pull.ts";
import { parseReference } from "./registry/reference.ts";
import type { Registries } from "./registry/registries.ts";
import { removeContainer, runContainer } from "./run-container.ts";
import { specOf } from "./spec/spec.ts";

const signal = AbortSignal.timeout(120_000);
const plain: Description = { type: "host", name: "probe", source: "", superpowered: false, api: "none" };

/** For the shell of the container to set its trap; until then the kernel keeps signals from a first process. */
const trapMs = 1000;

async function world(image: BusyboxImage) {
  const stack = new AsyncDisposableStack();
  const registry = stack.use(await startTestRegistry({ tls: false, auth: true }));
  const layout = stack.use(await busyboxImage(image));
  await registry.push(layout.layout, "test/probe:v1");
  const { containerd, directory, restart } = stack.use(await testContainerd());
  const logged: string[] = [];
  const registries: Registries = {
    mirrors: [{ registry: "*", endpoint: [`http://${registry.here}`] }],
    credentials: [registry.credential(registry.here)],
  };
  const context: PullContext = {
    containerd,
    registries,
    hostsDirectory: await writeRegistryHosts(directory, registries),
    clock: machineClock,
    log: { info: (message) => void logged.push(message), error: (message) => void logged.push(message) },
  };
  const running = { containerd, id: "probe", directory: join(directory, "pipes"), systemd: false, log: context.log };
  const prepare =
    (description = plain) =>
    async () => {
      const got = await bringImage(context, parseReference("registry.example.com/test/probe:v1"), signal);
      const spec = specOf({ description, image: got.config, environment: {}, systemd: false, labelled: false });
      // runc starts nothing in a group with other processes, such as those of another run of this test.
      spec.linux.cgroupsPath = `/host-containers/probe-${process.pid}`;
      // What only a host has, and may.
      spec.process.rlimits = [];
      spec.mounts = spec.mounts.filter(({ type }) => type !== "bind");
      return { image: got, spec };
    };
  stack.defer(async () => await removeContainer(containerd, "probe"));
  return { context, registry, restart, running, prepare, logged, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a container is pulled through a mirror with credentials, run, and its exit code told", async () => {
  await using host = await world({ entrypoint: ["/bin/sh", "-c", "echo from inside; exit 7"] });
  const ended = await runContainer(host.running, host.prepare(), () => {}, new AbortController().signal);
  expect(ended).toEqual({ exitCode: 7, stopped: false });
}, 120_000);

test("a container is stopped in order, and its layers are used again without the registry", async () => {
  await using host = await world({ entrypoint: ["/bin/sh", "-c", "trap 'exit 3' TERM; sleep 1000 & wait"] });
  const first = new AbortController();
  expect(
    await runContainer(host.running, host.prepare(), () => void setTimeout(() => first.abort(), trapMs), first.signal),
  ).toEqual({
    exitCode: 3,
    stopped: true,
  });
  await host.registry[Symbol.asyncDispose]();
  const second = new AbortController();
  expect(
    await runContainer(
      host.running,
      host.prepare(),
      () => void setTimeout(() => second.abort(), trapMs),
      second.signal,
    ),
  ).toEqual({
    exitCode: 3,
    stopped: true,
  });
  expect(host.logged.join("\n")).toContain("the one that is here is used");
}, 120_000);

test("a container does not notice that its runner or containerd starts again", async () => {
  await using host = await world({ entrypoint: ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"] });
  const pid = async () => (await host.context.containerd.tasks.get({ containerId: "probe" })).process?.pid;
  const stop = new AbortController();
  const begun = Promise.withResolvers<undefined>();
  const ended = runContainer(host.running, host.prepare(), () => begun.resolve(undefined), stop.signal);
  await begun.promise;
  const before = await pid();
  await host.restart();
  await eventually(async () => expect(await pid()).toBe(before));

  const received = Promise.withResolvers<undefined>();
  const both = Promise.allSettled([
    ended,
    runContainer(host.running, host.prepare(), () => received.resolve(undefined), stop.signal),
  ]);
  await received.promise;
  expect(await pid()).toBe(before);
  stop.abort();
  // One of the two takes the container away; the other one may find it gone.
  expect(await both).toContainEqual({ status: "fulfilled", value: { exitCode: 0, stopped: true } });
}, 120_000);

test("an image that nobody names goes with its layers; that of a container stays, and starts without a registry", async () => {
  await using host = await world({ entrypoint: ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"] });
  const { context } = host;
  const second = await busyboxImage({ entrypoint: ["/bin/true"], files: { "/etc/other": "other" } });
  await host.registry.push(second.layout, "test/other:v1");
  await second[Symbol.asyncDispose]();
  const name = "registry.example.com/test/other:v1";
  const { digest } = await bringImage(context, parseReference(name), signal);
  const stop = new AbortController();
  const begun = Promise.withResolvers<undefined>();
  const ended = runContainer(host.running, host.prepare(), () => begun.resolve(undefined), stop.signal);
  await begun.promise;

  const later = (days: number) => ({ now: new Date(Date.now() + days * 24 * 60 * 60_000), usedShare: 0.5 });
  const clean = async (days: number) => (await collectGarbage(context, [], later(days))).map((image) => image.name);
  expect(await clean(1)).toEqual([]);
  expect(await clean(8)).toEqual([name]);
  expect(await ifThere(context.containerd.content.info({ digest }))).toBeUndefined();
  stop.abort();
  await ended;

  await host.registry[Symbol.asyncDispose]();
  await bringImage(context, parseReference("registry.example.com/test/probe:v1"), signal);
  const refused = await bringImage(context, parseReference(name), signal).catch((error: unknown) => error);
  expect(isFailure(refused, "no-image")).toBe(true);
}, 120_000);

test.each([
  ["one that prepares the machine", { ...plain, type: "bootstrap" }, 0],
  ["a plain one", plain, 1],
] as const)(
  "whether a container may mount: %s",
  async (_name, description, exitCode) => {
    const script = "mount -t tmpfs scratch /tmp || exit 1; touch /tmp/made; umount /tmp";
    await using host = await world({ entrypoint: ["/bin/sh", "-c", script] });
    const ended = await runContainer(host.running, host.prepare(description), () => {}, new AbortController().signal);
    expect(ended).toEqual({ exitCode, stopped: false });
  },
  120_000,
);
