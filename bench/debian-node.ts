/**
 * The peer of our nodes: stock Debian 13 with the same kubelet, its own containerd 1.7 and the same rendered configuration;
 * and what a node of either side joins and has.
 */
import { chmod, copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { repository } from "../cli/context.ts";
import { configuration } from "../host/files/all.ts";
import { inputTools } from "../image/inputs.ts";
import { epochSecondsOf, readLock } from "../image/packages/lock.ts";
import type { ToolsRoot } from "../image/packages/tools-root.ts";
import { makeProgram } from "../image/recipes/programs.ts";
import { makePauseImage } from "../image/steps/pause.ts";
import { factsOf, settingsOf } from "../test/worlds/host/settings.ts";
import { pauseImage } from "../variants/kubernetes.ts";
import { type ControlPlane, joiningSettings } from "../vm/cluster/control-plane.ts";
import { createOverlay } from "../vm/disk/disk.ts";
import { GuestShell } from "../vm/guest-shell.ts";
import { kill } from "../vm/process-identity.ts";
import { files } from "../vm/qemu/qemu.ts";
import { startQemu } from "../vm/qemu/qemu-process.ts";
import { makeStockDebian, type StockDebian } from "./stock-debian.ts";

export const variant = "metal-k8s-1.20";
export const size = { cpus: 2, memoryMiB: 2048 };
export const bootTimeoutMs = 600_000;
const kubeletPort = 10250;

/** What nodes join, and where their second pod's image comes from. */
export type NodeWorld = { cluster: ControlPlane; registry: string };

/** A node that is switched on, and the moment its kernel started. */
export type StartedNode = AsyncDisposable & { kubeletPort: number; kernelStartMs(): Promise<number> };

/** Settings of a node of that name, for either side. */
export function joining({ cluster: { port, pki }, registry }: NodeWorld, node: string) {
  return {
    kubernetes: joiningSettings({ port, ca: pki.ca, token: pki.token }, node),
    "container-registry": { mirrors: [{ registry, endpoint: [`http://${registry}`] }] },
  };
}

/** Debian with what makes a node of it, and what is in its root as ours has it. */
export async function makeDebianNode(
  tools: ToolsRoot,
  directory: string,
  { world, node }: { world: NodeWorld; node: string },
  signal: AbortSignal,
): Promise<StockDebian> {
  const lock = await readLock("x86_64");
  const epochSeconds = epochSecondsOf(lock);
  const parts = { tools: await inputTools({ signal }), lock, architecture: "x86_64", epochSeconds } as const;
  const pause = await makePauseImage(parts, { signal });
  const { path: kubelet } = await makeProgram("kubernetes-1.20/kubelet", { architecture: "x86_64", fetch: { signal } });
  return await makeStockDebian(tools, directory, signal, {
    packages: [
      "linux-image-amd64",
      "systemd-sysv",
      "dbus",
      "containerd",
      "conntrack",
      "containernetworking-plugins",
      "iptables",
    ],
    async furnish(root) {
      const place = async (from: string, to: string): Promise<void> => {
        await mkdir(dirname(join(root, to)), { recursive: true });
        await copyFile(from, join(root, to));
      };
      await place(kubelet, "usr/bin/kubelet");
      await chmod(join(root, "usr/bin/kubelet"), 0o755);
      await place(join(pause.directory, "pause.tar"), "usr/share/pause.tar");
      for (const name of ["sysctl/50-orlop.conf", "kubernetes/sysctl/60-kubernetes.conf"]) {
        await place(join(repository, "os", name), `etc/sysctl.d/${name.split("/").at(-1)}`);
      }
      await place(join(repository, "os/network/80-dhcp.network"), "etc/systemd/network/80-dhcp.network");
      await writeNodeFiles(root, world, node);
      await mkdir(join(root, "opt/cni"), { recursive: true });
      await symlink("/usr/lib/cni", join(root, "opt/cni/bin"));
      await writeFile(join(root, "etc/systemd/system/kubelet.service"), kubeletUnit);
      await enable(root, "/etc/systemd/system/kubelet.service");
      for (const name of ["systemd-networkd", "containerd"]) {
        await enable(root, `/usr/lib/systemd/system/${name}.service`);
      }
    },
  });
}

/** What a host renders for kubelet and containerd. There is no systemd-resolved to ask for name servers. */
async function writeNodeFiles(root: string, world: NodeWorld, node: string): Promise<void> {
  const settings = settingsOf(joining(world, node), variant);
  for (const group of configuration) {
    for (const file of group.render(settings, factsOf(variant, { processors: size.cpus }))) {
      if (!/^\/etc\/(kubernetes|containerd)\//.test(file.path) || "linkTo" in file) continue;
      const path = join(root, file.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.content.replace("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"), {
        mode: file.mode,
      });
    }
  }
}

const kubeletUnit = `[Unit]
After=network-online.target containerd.service
Wants=network-online.target containerd.service
[Service]
EnvironmentFile=/etc/kubernetes/kubelet/env
ExecStartPre=/usr/bin/ctr --namespace=k8s.io images import --index-name=${pauseImage} /usr/share/pause.tar
ExecStart=/usr/bin/kubelet $KUBELET_ARGS
Restart=always
RuntimeDirectory=kubelet
`;

async function enable(root: string, unit: string): Promise<void> {
  const directory = join(root, "etc/systemd/system/multi-user.target.wants");
  await mkdir(directory, { recursive: true });
  const link = join(directory, unit.split("/").at(-1) ?? "");
  await rm(link, { force: true });
  await symlink(unit, link);
}

export async function switchOnDebian(
  tools: ToolsRoot,
  { disk, kernel, initrd }: StockDebian,
  directory: string,
  signal: AbortSignal,
): Promise<StartedNode> {
  await mkdir(directory, { recursive: true });
  const overlay = join(directory, "disk.qcow2");
  await createOverlay(tools, disk, overlay);
  const qemu = await startQemu(
    tools,
    directory,
    {
      name: "debian",
      accelerator: "tcg",
      ...size,
      boot: { kind: "kernel", kernel, initrd, commandLine: "console=ttyS0 root=/dev/vda rw quiet net.ifnames=0" },
      disks: [{ path: overlay, format: "qcow2", serial: "system" }],
      shell: true,
      forwards: [{ hostPort: 0, guestPort: kubeletPort }],
      extraCards: 0,
    },
    { reads: [dirname(disk), dirname(kernel)], outlivesUs: false, signal },
  );
  const shell = GuestShell.connect(join(directory, files.shell), AbortSignal.timeout(bootTimeoutMs));
  return {
    kubeletPort: qemu.ports.get(kubeletPort) ?? 0,
    async kernelStartMs() {
      const [uptime] = (await (await shell).run("cat /proc/uptime")).split(" ");
      return performance.now() - Number(uptime) * 1000;
    },
    async [Symbol.asyncDispose]() {
      await kill(qemu.process);
      await shell.then(async (open) => open[Symbol.asyncDispose]()).catch(() => undefined); // it never came
    },
  };
}
