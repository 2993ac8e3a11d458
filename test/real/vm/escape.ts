/**
 * A process that has everything but its label: root with every capability and device, all of the host mounted below /host,
 * in the host's namespace of processes, without seccomp. What it cannot do, the policy alone keeps it from.
 *
 * runc runs it from a bundle on the data partition; only its first program is its own, all others are the host's.
 */
import { furtherCapabilities, ordinaryCapabilities } from "../../../settings/values/oci-names.ts";
import type { TestHost } from "./test-host.ts";

export type Label = { type: "container_t" | "control_t" | "super_t"; level: string };

/** Each succeeds where it is allowed, and changes nothing there. */
export const attempts = {
  "reads settings": "ls /host/var/lib/orlop/datastore",
  "writes where settings are": "touch /host/run/private/made && rm /host/run/private/made",
  "mounts boot entries": "mkdir -p /m && mount -t vfat /host/dev/vda1 /m && umount /m",
  // Whom it answers is another matter: this is no container of the host.
  "reaches the API": "apiclient get settings.motd 2>&1 | grep -q 'has no role'",
  "asks containerd": "ctr --address=/host/run/containerd/containerd.sock version",
  "asks systemd": "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/host/run/dbus/system_bus_socket busctl list",
  "reads the disk of the root": "head -c 512 /host/dev/vda",
  "reads it by a node of its own":
    "mkdir -p /t && mount -t tmpfs t /t && mknod /t/d b $(tr : ' ' < /sys/class/block/vda/dev) && head -c 512 /t/d",
  "follows the first process to its root": "ls /proc/1/root/etc",
  "traces the first process":
    "strace -p 1 -e trace=none & sleep 2; grep -q 'TracerPid:.[1-9]' /proc/1/status; found=$?; kill $!; exit $found",
  "writes to the store of images": "touch /host/var/lib/host-containerd/made && rm /host/var/lib/host-containerd/made",
  "writes to /etc": "touch /host/etc/made && rm /host/etc/made",
  "gives systemd a unit": "mkdir -p /host/run/systemd/system/made.d && rmdir /host/run/systemd/system/made.d",
  "reads boot entries": "ls /host/efi/loader",
  "names the program that the kernel starts":
    "cat /host/proc/sys/kernel/core_pattern > /host/proc/sys/kernel/core_pattern",
  "reads what a container of the host keeps": "ls /host/local/host-containers/plain",
  "reads what another container has": "cat /host/local/escape/other",
  "becomes something else": "echo system_u:system_r:super_t:s0-s0:c0.c1023 > /proc/self/attr/exec && /bash -c true",
} as const;
export type Attempt = keyof typeof attempts;

const rootDirectory = "/local/escape";
const everything = [...new Set([...ordinaryCapabilities, ...furtherCapabilities])].map(
  (name) => `CAP_${name.toUpperCase().replaceAll("-", "_")}`,
);

/**
 * What nobody succeeds in, since the kernel starts nothing but programs of the image: a hierarchy of control groups of the old
 * kind names a program that is started, as root of the host, when a group is empty.
 */
export const kernelStarts = "has the kernel start a program of its own";
const releaseAgent = (bundle: string): string =>
  [
    "mkdir -p /g && mount -t cgroup -o none,name=escape escape /g && mkdir -p /g/x && echo 1 > /g/x/notify_on_release",
    `echo ${bundle}/rootfs/agent > /g/release_agent`,
    "/bash -c 'echo $$ > /g/x/cgroup.procs'; sleep 2; umount /g; test -e /host/run/escaped",
  ].join(" && ");

/** The host's files on which attempts are made, with one of another container. */
export async function prepareEscapes(host: TestHost): Promise<void> {
  await host.shell.run(`mkdir -p ${rootDirectory} && echo other > ${rootDirectory}/other`);
  await host.shell.run(`chcon system_u:object_r:data_t:s0:c3,c4 ${rootDirectory}/other`);
}

/** The attempts that succeed. */
export async function escapesOf(host: TestHost, { type, level }: Label): Promise<string[]> {
  const bundle = `${rootDirectory}/${type}`;
  const low = level.split("-")[0] ?? level;
  const script = Object.entries({ ...attempts, [kernelStarts]: releaseAgent(bundle) })
    .map(([name, attempt]) => `(${attempt}) >/dev/null 2>&1 && echo "${name}"`)
    .join("\n");
  await host.shell.run(
    [
      `mkdir -p ${bundle}/rootfs/{usr,proc,sys,dev,host,run,tmp}`,
      `ln -sfn usr/lib64 ${bundle}/rootfs/lib64 && ln -sfn usr/lib ${bundle}/rootfs/lib`,
      `cp /usr/bin/bash ${bundle}/rootfs/bash`,
      `printf %s ${Buffer.from(script).toString("base64")} | base64 -d > ${bundle}/rootfs/script`,
      `printf %s ${Buffer.from(JSON.stringify(specOf(type, level))).toString("base64")} | base64 -d > ${bundle}/config.json`,
      `printf '#!/usr/bin/bash\\ntouch /run/escaped\\n' > ${bundle}/rootfs/agent && chmod +x ${bundle}/rootfs/agent`,
      `chcon -R system_u:object_r:data_t:${low} ${bundle}/rootfs`,
    ].join(" && "),
  );
  const { output } = await host.shell.try(`runc run --bundle ${bundle} escape-${type}`, 180_000);
  return output.split("\n").filter((line) => line !== "");
}

function specOf(type: Label["type"], level: string) {
  const bind = (source: string, destination: string) => ({
    source,
    destination,
    type: "bind",
    options: ["rbind", "rslave"],
  });
  return {
    ociVersion: "1.1.0",
    root: { path: "rootfs", readonly: false },
    process: {
      user: { uid: 0, gid: 0 },
      args: ["/bash", "/script"],
      env: ["PATH=/usr/sbin:/usr/bin"],
      cwd: "/",
      capabilities: { bounding: everything, permitted: everything, effective: everything },
      selinuxLabel: `system_u:system_r:${type}:${level}`,
    },
    mounts: [
      bind("/", "/host"),
      bind("/usr", "/usr"),
      bind("/proc", "/proc"),
      bind("/sys", "/sys"),
      bind("/dev", "/dev"),
      bind("/run/api.sock", "/run/api.sock"),
    ],
    linux: { namespaces: [{ type: "mount" }], resources: { devices: [{ allow: true, access: "rwm" }] } },
  };
}
