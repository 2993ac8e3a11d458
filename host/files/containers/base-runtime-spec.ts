/**
 * What containers of the orchestrator start from: `settings.oci-defaults` in the shape of containerd's own default.
 *
 * containerd reads the whole of it in the place of what is built in, so everything else is as there, but for cgroups
 * and the name of the container, which CRI fills in. `test/real/host/containerd.test.ts` compares it with the real one.
 * Source: OCI runtime specification 1.3, containerd 2.4 pkg/oci/spec.go and docs/cri/config.md (base_runtime_spec).
 */
import type { Settings } from "../../../settings/model/model.ts";
import { furtherCapabilities, ordinaryCapabilities, type resourceLimits } from "../../../settings/values/oci-names.ts";
import { configFile } from "../config-file.ts";

type OciDefaults = Settings["oci-defaults"];

export const baseRuntimeSpecPath = "/etc/containerd/base-runtime-spec.json";

export const baseRuntimeSpec = configFile({
  path: baseRuntimeSpecPath,
  // containerd reads it at its start.
  restart: ["containerd.service"],
  render: (settings, { variant }) =>
    variant.orchestrator.kind === "kubernetes" ? written(specOf(settings["oci-defaults"])) : undefined,
});

/** RLIM_INFINITY is larger than what JavaScript can count to. */
const infinity = "18446744073709551615";

function written(spec: object): string {
  return `${JSON.stringify(spec, undefined, 2).replaceAll('"unlimited"', infinity)}\n`;
}

function specOf({ capabilities, "resource-limits": limits }: OciDefaults) {
  const granted = [...ordinaryCapabilities, ...furtherCapabilities]
    .filter((name) => capabilities[name])
    .map((name) => `CAP_${name.toUpperCase().replaceAll("-", "_")}`);
  return {
    ociVersion: "1.3.0",
    process: {
      user: { uid: 0, gid: 0 },
      cwd: "/",
      capabilities: { bounding: granted, effective: granted, permitted: granted },
      rlimits: rlimits(limits),
      noNewPrivileges: true,
    },
    root: { path: "rootfs" },
    mounts: mounts.map(([destination, type, source, ...options]) => ({ destination, type, source, options })),
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: ["pid", "ipc", "uts", "mount", "network"].map((type) => ({ type })),
      maskedPaths,
      readonlyPaths,
    },
  };
}

/** Names of setrlimit(2). */
const rlimitNames: Readonly<Record<(typeof resourceLimits)[number], string>> = {
  "max-address-space": "RLIMIT_AS",
  "max-core-file-size": "RLIMIT_CORE",
  "max-cpu-time": "RLIMIT_CPU",
  "max-data-size": "RLIMIT_DATA",
  "max-file-locks": "RLIMIT_LOCKS",
  "max-file-size": "RLIMIT_FSIZE",
  "max-locked-memory": "RLIMIT_MEMLOCK",
  "max-msgqueue-size": "RLIMIT_MSGQUEUE",
  "max-nice-priority": "RLIMIT_NICE",
  "max-open-files": "RLIMIT_NOFILE",
  "max-pending-signals": "RLIMIT_SIGPENDING",
  "max-processes": "RLIMIT_NPROC",
  "max-realtime-priority": "RLIMIT_RTPRIO",
  "max-realtime-timeout": "RLIMIT_RTTIME",
  "max-resident-set": "RLIMIT_RSS",
  "max-stack-size": "RLIMIT_STACK",
};

function rlimits(limits: OciDefaults["resource-limits"]) {
  return Object.entries(rlimitNames).flatMap(([name, type]) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table above
    const { "soft-limit": soft, "hard-limit": hard } = limits[name as keyof typeof rlimitNames];
    return soft === undefined || hard === undefined ? [] : [{ type, hard, soft }];
  });
}

const mounts: readonly (readonly [destination: string, type: string, source: string, ...options: string[]])[] = [
  ["/proc", "proc", "proc", "nosuid", "noexec", "nodev"],
  ["/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"],
  ["/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  ["/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  ["/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"],
  ["/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"],
  ["/run", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"],
];

const maskedPaths: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
  "/proc/scsi",
];

const readonlyPaths: readonly string[] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
