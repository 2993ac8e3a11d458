/**
 * What a container is to the kernel: the OCI runtime specification of it, as a pure function.
 *
 * The network is the host's for all of them. Source: OCI runtime specification 1.1, config.md and config-linux.md.
 */
import { hostSocket } from "../../../api/host-socket.ts";
import { authoritiesPath, imageBundle } from "../../machine/outbound.ts";
import { controlGroupOf, persistentDirectory, type Description } from "../description.ts";
import { labelsOf } from "./labels.ts";
import { privilegesOf, type Privileges } from "./privileges.ts";
import type { ImageConfig } from "../image.ts";

export type Mount = { destination: string; type: string; source: string; options: string[] };

export type SpecInput = {
  description: Description;
  image: ImageConfig;
  environment: Readonly<Record<string, string>>;
  /** Those of `preparedDirectories` that this host has. */
  prepared?: readonly string[];
  /** Whether the kernel has a policy, so that everything has a label. */
  labelled: boolean;
};

/** Beside /mnt, where a bootstrap container may mount so that the host sees it: what containers fill. */
export const preparedDirectories = ["/var/lib/containerd", "/var/lib/docker", "/var/lib/kubelet"] as const;

const usualPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function specOf({ description, image, environment, labelled, prepared = [] }: SpecInput) {
  const privileges = privilegesOf(description);
  const { capabilities, refused } = privileges;
  const labels = labelled ? labelsOf(description) : undefined;
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return {
    ociVersion: "1.1.0",
    root: { path: "rootfs", readonly: false },
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: [...(image.Entrypoint ?? []), ...(description.command ?? image.Cmd ?? [])],
      env: [...environmentOf(image), ...variables],
      cwd:
        image.WorkingDir === undefined || image.WorkingDir === null || image.WorkingDir === "" ? "/" : image.WorkingDir,
      ...(labels === undefined ? {} : { selinuxLabel: labels.process }),
      noNewPrivileges: !privileges.newPrivileges,
      capabilities: { bounding: capabilities, permitted: capabilities, effective: capabilities },
      // Else it inherits that of containerd, which the kernel kills last.
      oomScoreAdj: 0,
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 65_536, hard: 1_048_576 }],
    },
    mounts: [...systemMounts(privileges), ...hostMounts(privileges, prepared), ...commonMounts(description)],
    linux: {
      cgroupsPath: controlGroupOf(description),
      namespaces: [
        { type: "mount" },
        { type: "ipc" },
        ...(privileges.hostProcesses ? [] : [{ type: "pid" }, { type: "cgroup" }]),
      ],
      ...(labels === undefined ? {} : { mountLabel: labels.files }),
      resources: { devices: [{ allow: privileges.host, access: "rwm" }] },
      ...(privileges.host ? { rootfsPropagation: "rshared" } : { maskedPaths, readonlyPaths }),
      ...(refused.length === 0 ? {} : { seccomp: seccompOf(refused) }),
    },
  };
}

/** Every container finds its programs, whatever its image forgot. */
function environmentOf({ Env }: ImageConfig): string[] {
  const variables = Env ?? [];
  return variables.some((variable) => variable.startsWith("PATH=")) ? variables : [usualPath, ...variables];
}

export type Spec = ReturnType<typeof specOf>;

/** Without them a container that shares the kernel learns or changes what is not its own. */
const maskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

function systemMounts({ host }: Privileges): Mount[] {
  const quiet = ["nosuid", "noexec", "nodev"];
  const devices: Mount[] = host
    ? [bind("/dev", "/dev", "rbind", "rslave")]
    : [
        { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
        {
          destination: "/dev/pts",
          type: "devpts",
          source: "devpts",
          options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        },
        { destination: "/dev/shm", type: "tmpfs", source: "shm", options: [...quiet, "mode=1777", "size=65536k"] },
        { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: quiet },
      ];
  return [
    { destination: "/proc", type: "proc", source: "proc", options: quiet },
    ...devices,
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...quiet, ...(host ? [] : ["ro"])] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [...quiet, "relatime", "ro"] },
    { destination: "/run", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=755"] },
  ];
}

/** Only the top of the root is read-only: what is mounted below it is as the host has it. */
function hostMounts({ host }: Privileges, prepared: readonly string[]): Mount[] {
  if (!host) return [];
  return [
    bind("/", "/.bottlerocket/rootfs", "rbind", "ro", "rslave"),
    ...["/mnt", ...prepared].map((path) => bind(path, `/.bottlerocket/rootfs${path}`, "rbind", "rshared")),
    bind("/lib/modules", "/lib/modules", "rbind", "ro"),
  ];
}

function commonMounts(description: Description): Mount[] {
  const kept = persistentDirectory(description);
  const seen = `/.bottlerocket/${description.type}-containers`;
  return [
    bind("/etc/hosts", "/etc/hosts", "rbind", "ro"),
    bind("/etc/resolv.conf", "/etc/resolv.conf", "rbind", "ro"),
    bind("/etc/os-release", "/.bottlerocket/os-release", "rbind", "ro"),
    // Where Bottlerocket's images look for it, and where the links of ours lead: both trust whom the host trusts.
    ...["/.bottlerocket/certs/ca-bundle.crt", imageBundle].map((path) => bind(authoritiesPath, path, "rbind", "ro")),
    ...(description.api === "none" ? [] : apiMounts()),
    bind(kept, `${seen}/${description.name}`, "rbind"),
    bind(kept, `${seen}/current`, "rbind"),
  ];
}

function apiMounts(): Mount[] {
  return [
    bind(hostSocket, hostSocket, "rbind"),
    // The name it is called by makes it the client.
    bind("/usr/bin/orlop", "/usr/local/bin/apiclient", "rbind", "ro"),
  ];
}

function bind(source: string, destination: string, ...options: string[]): Mount {
  return { destination, type: "bind", source, options };
}

const seccompOf = (names: readonly string[]) => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: [...names], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
});
