import { expect, test } from "bun:test";
import { originIn } from "./origin.ts";

test.each([
  "/init.scope",
  "/system.slice/hostd.service",
  "/system.slice/system-serial\\x2dgetty.slice/serial-getty@hvc0.service",
  "/system.slice/run-u12.service/sub",
  "/host.slice/host-containers.slice/orlop-admin.scope",
])("%s belongs to the host", (path) => {
  expect(originIn(`0::${path}\n`)).toBe("host");
});

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
  "/host-containers.slice/orlop-admin.scope",
  "/system.slice/hostd.service (deleted)",
])("%s does not", (path) => {
  expect(originIn(`0::${path}\n`)).toBe("workload");
});

test("nobody without a group of version 2 does", () => {
  expect(originIn("4:memory:/system.slice/hostd.service\n")).toBe("workload");
});
