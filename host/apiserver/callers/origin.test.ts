import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { containerNamed, controlGroupOf, isMadeBySystemd } from "../../containers/description.ts";
import { originIn, type Origin } from "./origin.ts";
import { originOf } from "./peer.ts";

test.each([
  "/init.scope",
  "/system.slice/hostd.service",
  "/system.slice/system-serial\\x2dgetty.slice/serial-getty@hvc0.service",
  "/system.slice/run-u12.service/sub",
])("%s belongs to the host", (path) => {
  expect(originIn(`0::${path}\n`)).toEqual({ kind: "host" });
});

test.each([
  ["/host.slice/host-containers.slice/host-container@admin.service/container", "admin"],
  ["/host.slice/host-containers.slice/host-container@my-tool.service/container/inner", "my-tool"],
  ["/host.slice/host-containers.slice/orlop-admin.scope", "admin"],
  ["/host.slice/host-containers.slice/orlop-boot.disk.scope", "boot.disk"],
])("%s is the container %s", (path, id) => {
  expect(originIn(`0::${path}\n`)).toEqual({ kind: "container", id });
});

test("the group of a container is the one that its specification asks for", () => {
  for (const container of [
    { type: "host", name: "my-tool" },
    { type: "bootstrap", name: "disk" },
    { type: "health", name: "web" },
  ] as const) {
    const origin = originIn(`0::${pathOf(controlGroupOf(container))}\n`);
    expect(origin.kind === "container" ? containerNamed(origin.id) : origin).toEqual(container);
  }
});

/** As runc has systemd make it. Source: runc, libcontainer/cgroups/systemd. */
function pathOf(controlGroup: string): string {
  if (!isMadeBySystemd(controlGroup)) return controlGroup;
  const [slice, prefix, name] = controlGroup.split(":");
  return `/host.slice/${slice}/${prefix}-${name}.scope`;
}

test.each([
  "/",
  "/../..",
  "/default/test",
  "/docker/0123",
  "/system.slice/docker-0123.scope",
  "/system.slice/docker-0123.scope/hostd.service",
  "/runtime.slice/containerd.service",
  "/kubepods.slice/kubepods-besteffort.slice/cri-containerd-0123.scope",
  "/kubepods.slice/system.slice/hostd.service",
  "/host.slice/host-containers.slice",
  "/host.slice/host-containers.slice/run-u12.service",
  "/host.slice/host-containers.slice/host-container@admin.service",
  "/host.slice/host-containers.slice/host-container@admin.service/relay",
  "/host.slice/host-containers.slice/host-container@.service/container",
  "/host.slice/host-containers.slice/orlop-.scope",
  "/host-containers.slice/orlop-admin.scope",
  "/system.slice/hostd.service (deleted)",
])("%s does not", (path) => {
  expect(originIn(`0::${path}\n`)).toEqual({ kind: "workload" });
});

test("nobody without a group of version 2 does", () => {
  expect(originIn("4:memory:/system.slice/hostd.service\n")).toEqual({ kind: "workload" });
});

test("who connects is where its process is, and nothing stays open for it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "origin-"));
  const { promise, resolve } = Promise.withResolvers<[Origin, number]>();
  const server = createServer((socket) => {
    const openBefore = readdirSync("/proc/self/fd").length;
    resolve([originOf(socket), readdirSync("/proc/self/fd").length - openBefore]);
    socket.destroy();
  });
  server.listen(join(directory, "s"), () => connect(join(directory, "s")));
  expect(await promise).toEqual([originIn(readFileSync("/proc/self/cgroup", "utf8")), 0]);
  server.close();
  await rm(directory, { recursive: true });
});
