import { symlink, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { defined } from "../../lib/defined.ts";
import { invoke } from "../../lib/command/command-line.ts";
import { parseJson } from "../../lib/text/json.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";
import { exits, testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { apiclient } from "../commands/apiclient.ts";
import { requestSchema, type EphemeralStorageRequest } from "./places.ts";
import { prepareEphemeral } from "./prepare.ts";

/** Devices by what they hold; a program leaves its traces as the real one does. */
async function machine(held: Record<string, string>): Promise<TestSystem & { devices: Map<string, string> }> {
  const host = await testSystem();
  const devices = new Map(Object.entries(held));
  const mounted = new Set<string>();
  host.programs.set("blkid", (argv, limits) => {
    const type = devices.get(argv.at(-1) ?? "") ?? "";
    return type === "" ? exits(2, "")(argv, limits) : `${type}\n`;
  });
  host.programs.set("udevadm", (argv, limits) =>
    argv[1] === "wait" || devices.has(argv.at(-1) ?? "") ? "" : exits(1, "Unknown device")(argv, limits),
  );
  for (const type of ["xfs", "ext4"]) {
    host.programs.set(`mkfs.${type}`, (argv) => {
      devices.set(argv.at(-1) ?? "", type);
      devices.set("/dev/disk/by-label/.ephemeral", type);
      return "";
    });
  }
  host.programs.set("mdadm", (argv) => {
    if (argv[1] === "--create") {
      for (const disk of argv.filter((word) => word.startsWith("/dev/disk/"))) devices.set(disk, "linux_raid_member");
      devices.set("/dev/md/ephemeral", "");
    } else devices.set("/dev/md/ephemeral", "xfs");
    return "";
  });
  host.programs.set("findmnt", (argv, limits) => (mounted.has(argv.at(-1) ?? "") ? "" : exits(1, "")(argv, limits)));
  host.programs.set("mount", (argv) => {
    mounted.add(argv.at(-1) ?? "");
    return "";
  });
  return Object.assign(host, { devices });
}

const disk = "/dev/disk/ephemeral/virtio-eph0";
const two = "/dev/disk/ephemeral/virtio-eph1";
const changes = ({ ran }: TestSystem): string[] => ran.filter((line) => /^(mkfs|mount|mdadm)/.test(line));

test("one disk is formatted and mounted, once", async () => {
  await using host = await machine({ [disk]: "" });
  const request: EphemeralStorageRequest = { kind: "init", filesystem: "ext4", disks: [disk] };
  await prepareEphemeral(host.system, request);
  expect(changes(host)).toEqual([
    `mkfs.ext4 -q -L .ephemeral ${disk}`,
    `mount --options noatime ${disk} /mnt/.ephemeral`,
  ]);
  host.ran.length = 0;
  await prepareEphemeral(host.system, request);
  expect(changes(host)).toEqual([]);
});

test("several disks become one array of level 0, which is put together again after a reboot", async () => {
  await using host = await machine({ [disk]: "", [two]: "" });
  const request: EphemeralStorageRequest = { kind: "init", filesystem: "xfs", disks: [disk, two] };
  await prepareEphemeral(host.system, request);
  const shape = "--name ephemeral --homehost=any --level=0 --chunk=256 --raid-devices=2";
  expect(changes(host)).toEqual([
    `mdadm --create --run /dev/md/ephemeral ${shape} ${disk} ${two}`,
    "mkfs.xfs -q -K -L .ephemeral /dev/md/ephemeral",
    "mount --options noatime /dev/md/ephemeral /mnt/.ephemeral",
  ]);
  await using rebooted = await machine({ [disk]: "linux_raid_member", [two]: "linux_raid_member" });
  await prepareEphemeral(rebooted.system, request);
  expect(changes(rebooted)).toEqual([
    `mdadm --assemble --run /dev/md/ephemeral ${disk} ${two}`,
    "mount --options noatime /dev/md/ephemeral /mnt/.ephemeral",
  ]);
});

test("a machine without ephemeral disks is prepared, and nothing is bound", async () => {
  await using host = await machine({});
  await prepareEphemeral(host.system, { kind: "init", filesystem: "xfs", disks: [] });
  await prepareEphemeral(host.system, { kind: "bind", targets: ["/var/lib/containerd"] });
  expect(changes(host)).toEqual([]);
});

test("where there are disks and none of them is prepared, binding is a failure that says what to do first", async () => {
  await using host = await machine({ [disk]: "" });
  await host.write(disk, "");
  const bound = prepareEphemeral(host.system, { kind: "bind", targets: ["/var/lib/containerd"] });
  await expect(bound).rejects.toMatchObject({
    code: "no-ephemeral-storage",
    message: `cannot bind /var/lib/containerd: none of the ephemeral disks is prepared: ${disk}`,
    hint: "run `apiclient ephemeral-storage init` first",
  });
  expect(changes(host)).toEqual([]);
});

test("what holds something else is not formatted", async () => {
  await using host = await machine({ [disk]: "ext4", [two]: "" });
  for (const disks of [[disk], [disk, two]]) {
    const refused = prepareEphemeral(host.system, { kind: "init", filesystem: "xfs", disks });
    await expect(refused).rejects.toThrow("holds ext4");
  }
  expect(changes(host)).toEqual([]);
});

test("a disk of which nobody can tell what it holds is not formatted", async () => {
  await using host = await machine({ [disk]: "" });
  host.programs.set("blkid", exits(255, "cannot open the device"));
  await expect(prepareEphemeral(host.system, { kind: "init", filesystem: "xfs", disks: [disk] })).rejects.toThrow(
    /cannot run blkid .*: it exited with 255: cannot open the device/,
  );
  expect(changes(host)).toEqual([]);
});

test("a directory is bound once, to one of its own, and what is mounted in it is shared", async () => {
  await using host = await machine({ [disk]: "xfs", "/dev/disk/by-label/.ephemeral": "xfs" });
  const request: EphemeralStorageRequest = { kind: "bind", targets: ["/var/lib/containerd"] };
  await prepareEphemeral(host.system, request);
  expect(changes(host)).toEqual([
    "mount --options noatime /dev/disk/by-label/.ephemeral /mnt/.ephemeral",
    "mount --rbind /mnt/.ephemeral/._var_lib_containerd /var/lib/containerd",
    "mount --make-rshared /var/lib/containerd",
  ]);
});

async function withDisks({ machine: { system } }: RunningHost): Promise<void> {
  const directory = join(system.root, "dev/disk/ephemeral");
  await mkdir(directory, { recursive: true });
  for (const name of ["virtio-eph1", "virtio-eph0"]) await symlink("../../vdb", join(directory, name));
}

test("the API lists disks and directories, and refuses others", async () => {
  await using host = await runningHost();
  expect(await host.api.call("listEphemeralDisks")).toEqual([]);
  await withDisks(host);
  expect(await host.api.call("listEphemeralDisks")).toEqual([disk, two]);
  expect(await host.api.call("listEphemeralTargets")).toEqual(["/var/lib/containerd", "/var/lib/host-containerd"]);
  const init = host.api.call("initEphemeralStorage", { body: { disks: ["/dev/vda"] } });
  await expect(init).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining("/dev/vda is no ephemeral"),
  });
  for (const target of ["/etc", "/var/lib/containerd/../orlop", "/mnt/../etc", "/mnt", "/mnt/.ephemeral"]) {
    const bind = host.api.call("bindEphemeralStorage", { body: { targets: [target] } });
    await expect(bind).rejects.toMatchObject({ status: 400, code: "bad-target" });
  }
});

test("binding without directories binds all of the variant's, and what only others have is left out", async () => {
  await using host = await runningHost();
  await withDisks(host);
  host.units.set("ephemeral-storage.service", { state: "inactive", started: 0, reloaded: 0 });
  const bound = async (targets?: string[]): Promise<unknown> => {
    await host.api.call("bindEphemeralStorage", { body: defined({ targets }) });
    return requestSchema.parse(parseJson(await host.machine.read("/run/orlop/ephemeral-storage.json")));
  };
  const all = ["/var/lib/containerd", "/var/lib/host-containerd"];
  expect(await bound()).toEqual({ kind: "bind", targets: all });
  expect(await bound([])).toEqual({ kind: "bind", targets: all });
  expect(await bound(["/var/lib/kubelet", "/var/lib/containerd", "/var/log/ecs", "/mnt/scratch"])).toEqual({
    kind: "bind",
    targets: ["/var/lib/containerd", "/mnt/scratch"],
  });
  const before = host.units.get("ephemeral-storage.service")?.started;
  await host.api.call("bindEphemeralStorage", { body: { targets: ["/var/lib/kubelet", "/var/log/pods"] } });
  expect(host.units.get("ephemeral-storage.service")?.started).toBe(before);
  expect(host.machine.logged.join("\n")).toContain("variant dev has no /var/lib/kubelet");
});

test("apiclient warns of what it was asked for and is not done", async () => {
  await using host = await runningHost();
  host.units.set("ephemeral-storage.service", { state: "inactive", started: 0, reloaded: 0 });
  const run = async (...words: string[]) => await invoke(apiclient, ["-s", host.socket, "ephemeral-storage", ...words]);
  expect(await run("init")).toMatchObject({
    exitCode: 0,
    stderr: "warning: this host has no ephemeral disks: nothing is done\n",
  });
  expect(await run("bind")).toMatchObject({
    exitCode: 0,
    stderr: "warning: this host has no ephemeral disks: nothing is done\n",
  });
  await withDisks(host);
  expect(await run("bind", "--dirs", "/var/lib/containerd", "/var/lib/kubelet")).toMatchObject({
    exitCode: 0,
    stderr: "warning: this variant has no /var/lib/kubelet: it is not bound\n",
  });
  expect(await run("bind")).toMatchObject({ exitCode: 0, stderr: "" });
  expect((await run("bind", "--dirs", "/etc")).exitCode).toBe(1);
});

test("the API has a unit do it, and tells the last that the unit said when it fails", async () => {
  await using host = await runningHost();
  await withDisks(host);
  host.units.set("ephemeral-storage.service", { state: "inactive", started: 0, reloaded: 0 });
  await host.api.call("initEphemeralStorage", { body: {} });
  expect(JSON.parse(await host.machine.read("/run/orlop/ephemeral-storage.json"))).toEqual({
    kind: "init",
    filesystem: "xfs",
    disks: [disk, two],
  });
  host.units.set("ephemeral-storage.service", {
    state: "inactive",
    started: 0,
    reloaded: 0,
    breaks: { result: "exit-code", journal: "cannot format" },
  });
  const bind = host.api.call("bindEphemeralStorage", { body: { targets: ["/mnt/scratch"] } });
  await expect(bind).rejects.toMatchObject({ status: 409, message: expect.stringContaining("cannot format") });
});
