/** Against a real containerd, runc and registry on this machine. */
import { expect, test } from "bun:test";
import { constants, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { machineClock } from "../../lib/clock.ts";
import { isFailure, systemErrorCode } from "../../lib/failure.ts";
import { testContainerd } from "../../test/worlds/containers/containerd.ts";
import { eventually } from "../../test/eventually.ts";
import { busyboxImage, type BusyboxImage } from "../../test/worlds/containers/oci-image.ts";
import { writeRegistryHosts } from "../../test/worlds/containers/registry-hosts.ts";
import { startTestRegistry } from "../../test/worlds/containers/registry.ts";
import type { Description } from "./description.ts";
import { ifThere, running } from "./containerd/containerd.ts";
import { collectGarbage } from "./garbage.ts";
import { outputPipe } from "./pipes.ts";
import { bringImage, type PullContext } from "./pull/pull.ts";
import { parseReference } from "./registry/reference.ts";
import type { Registries } from "./registry/registries.ts";
import { runContainer } from "./run-container.ts";
import { specOf } from "./spec/spec.ts";
import { startContainer } from "./start-container.ts";
import { removeContainer, stopContainer } from "./stop-container.ts";

const testMs = 300_000;
const inTime = (): AbortSignal => AbortSignal.timeout(testMs);
const plain: Description = { type: "host", name: "probe", source: "", superpowered: false, api: "none" };

/** The status of a process that has ended. Source: api/types/task, Status. */
const stopped = 3;

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
  const place = { containerd, id: "probe", directory: join(directory, "pipes"), clock: machineClock, log: context.log };
  const prepare =
    (description = plain) =>
    async () => {
      const got = await bringImage(context, parseReference("registry.example.com/test/probe:v1"), inTime());
      const spec = specOf({ description, image: got.config, environment: {}, labelled: false });
      // runc starts nothing in a group with other processes, such as those of another run of this test.
      spec.linux.cgroupsPath = `/host-containers/probe-${process.pid}`;
      // What only a host has, and may.
      spec.process.rlimits = [];
      spec.mounts = spec.mounts.filter(({ type }) => type !== "bind");
      return { image: got, spec };
    };
  const task = async () => (await ifThere(containerd.tasks.get({ containerId: "probe" })))?.process;
  const pid = async () => (await task())?.pid;
  const status = async () => (await task())?.status;
  stack.defer(async () => await removeContainer(containerd, "probe"));
  return {
    context,
    registry,
    restart,
    place,
    prepare,
    pid,
    status,
    logged,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test(
  "a container is pulled through a mirror with credentials, run, and its exit code told",
  async () => {
    await using host = await world({ entrypoint: ["/bin/sh", "-c", "echo from inside; exit 7"] });
    const ended = await runContainer(host.place, host.prepare(), new AbortController().signal);
    expect(ended).toEqual({ exitCode: 7, stopped: false });
  },
  testMs,
);

test(
  "a container in the foreground is stopped in order, and taken over by a runner that starts again",
  async () => {
    await using host = await world({ entrypoint: ["/bin/sh", "-c", "trap 'exit 3' TERM; sleep 1000 & wait"] });
    const stop = new AbortController();
    const first = runContainer(host.place, host.prepare(), stop.signal);
    await eventually(async () => expect(await host.status()).toBe(running), testMs);
    const before = await host.pid();
    const second = runContainer(host.place, host.prepare(), stop.signal);
    await eventually(() => expect(host.logged.join("\n")).toContain("runs already, taken over"), testMs);
    expect(await host.pid()).toBe(before);
    await machineClock.sleep(trapMs);
    stop.abort();
    // One of the two takes the container away; the other one may find it gone.
    expect(await Promise.allSettled([first, second])).toContainEqual({
      status: "fulfilled",
      value: { exitCode: 3, stopped: true },
    });
  },
  testMs,
);

test(
  "a container that was started goes on without us and while containerd restarts, and is stopped in order",
  async () => {
    await using host = await world({ entrypoint: ["/bin/sh", "-c", "trap 'exit 3' TERM; sleep 1000 & wait"] });
    await startContainer(host.place, await host.prepare()(), "inherit");
    const before = await host.pid();
    await host.restart();
    await eventually(async () => expect(await host.pid()).toBe(before));
    await machineClock.sleep(trapMs);
    expect(await stopContainer(host.place)).toEqual({ exitCode: 3, stopped: true });
    expect(await stopContainer(host.place)).toBeUndefined();

    await host.registry[Symbol.asyncDispose]();
    await startContainer(host.place, await host.prepare()(), "inherit");
    expect(host.logged.join("\n")).toContain("the one that is here is used");
    await stopContainer(host.place);
  },
  testMs,
);

test(
  "one that ended by itself has its exit code, and all that it printed was handed on, though it closed its output",
  async () => {
    const script = "seq 100000; seq 100000 >&2; exec >/dev/null 2>&1; sleep 1; exit 7";
    await using host = await world({ entrypoint: ["/bin/sh", "-c", script] });
    const path = join(host.place.directory, "../printed");
    {
      await using file = await open(path, "w");
      await startContainer(host.place, await host.prepare()(), file.fd);
    }
    await eventually(async () => expect(await host.status()).toBe(stopped), testMs);
    expect(await stopContainer(host.place)).toEqual({ exitCode: 7, stopped: false });
    expect((await readFile(path, "utf8")).trim().split("\n")).toHaveLength(200_000);
  },
  testMs,
);

test(
  "a container that cannot start is an error, and leaves nobody who waits for its output",
  async () => {
    await using host = await world({ entrypoint: ["/bin/not-there"] });
    const prepared = await host.prepare()();
    const refused = await startContainer(host.place, prepared, "inherit").catch((error: unknown) => error);
    expect(String(refused)).toContain("not-there");
    await stopContainer(host.place);
    const toWrite = constants.O_WRONLY | constants.O_NONBLOCK;
    const unread = await open(outputPipe(host.place.directory), toWrite).catch(systemErrorCode);
    expect(unread).toBe("ENXIO");
  },
  testMs,
);

test(
  "an image that nobody names goes with its layers; that of a container stays, and starts without a registry",
  async () => {
    await using host = await world({ entrypoint: ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"] });
    const { context } = host;
    const second = await busyboxImage({ entrypoint: ["/bin/true"], files: { "/etc/other": "other" } });
    await host.registry.push(second.layout, "test/other:v1");
    await second[Symbol.asyncDispose]();
    const name = "registry.example.com/test/other:v1";
    const { digest } = await bringImage(context, parseReference(name), inTime());
    await startContainer(host.place, await host.prepare()(), "inherit");

    const later = (days: number) => ({ now: new Date(Date.now() + days * 24 * 60 * 60_000), usedShare: 0.5 });
    const clean = async (days: number) => (await collectGarbage(context, [], later(days))).map((image) => image.name);
    expect(await clean(1)).toEqual([]);
    expect(await clean(8)).toEqual([name]);
    expect(await ifThere(context.containerd.content.info({ digest }))).toBeUndefined();
    await stopContainer(host.place);

    await host.registry[Symbol.asyncDispose]();
    await bringImage(context, parseReference("registry.example.com/test/probe:v1"), inTime());
    const refused = await bringImage(context, parseReference(name), inTime()).catch((error: unknown) => error);
    expect(isFailure(refused, "no-image")).toBe(true);
  },
  testMs,
);

test.each([
  ["one that prepares the machine", { ...plain, type: "bootstrap" }, 0],
  ["a plain one", plain, 1],
] as const)(
  "whether a container may mount: %s",
  async (_name, description, exitCode) => {
    const script = "mount -t tmpfs scratch /tmp || exit 1; touch /tmp/made; umount /tmp";
    await using host = await world({ entrypoint: ["/bin/sh", "-c", script] });
    const ended = await runContainer(host.place, host.prepare(description), new AbortController().signal);
    expect(ended).toEqual({ exitCode, stopped: false });
  },
  testMs,
);
