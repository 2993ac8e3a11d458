/**
 * Docker Engine, where ECS runs its tasks by it; see dockerd(8), daemon configuration file.
 *
 * Docker honours mirrors of docker.io alone, and knows no credentials but those that each pull brings: the agent has them.
 */
import type { Settings } from "../../../settings/model/model.ts";
import type { resourceLimits } from "../../../settings/values/oci-names.ts";
import { furtherCapabilities, ordinaryCapabilities } from "../../../settings/values/oci-names.ts";
import { mirrorsOf } from "../../containers/registry/registries.ts";
import type { ConfigFiles } from "../config-file.ts";
import { nvidiaRuntime } from "../containers/cri.ts";

const path = "/etc/docker/daemon.json";

export const dockerDaemon: ConfigFiles = {
  name: path,
  restart: ["docker.service"],
  reload: [],
  render: (settings, { variant }) =>
    variant.orchestrator.kind === "ecs"
      ? [{ path, mode: 0o644, content: `${JSON.stringify(configurationOf(settings), null, 2)}\n` }]
      : [],
  warnings: unusable,
};

/** As in Bottlerocket, where cgroups of version 2 do not ask for something else. */
function configurationOf(settings: Settings) {
  const { "container-registry": registry, "nvidia-container-runtime": nvidia, "oci-defaults": oci } = settings;
  const mirrors = mirrorsOf("docker.io", { mirrors: registry.mirrors ?? [] }).map(({ url }) => url);
  return {
    "data-root": "/var/lib/docker",
    "exec-root": "/run/docker",
    containerd: "/run/containerd/containerd.sock",
    "containerd-namespace": "moby",
    "containerd-plugins-namespace": "plugins.moby",
    "storage-driver": "overlay2",
    "exec-opts": ["native.cgroupdriver=systemd"],
    "log-driver": "journald",
    // Each container has categories of its own.
    "selinux-enabled": true,
    // Tasks go on while the engine restarts.
    "live-restore": true,
    "max-concurrent-downloads": 10,
    "default-ulimits": ulimits(oci["resource-limits"]),
    ...(nvidia === undefined ? {} : { runtimes: { [nvidiaRuntime.name]: { path: nvidiaRuntime.program } } }),
    ...(mirrors.length === 0 ? {} : { "registry-mirrors": mirrors }),
  };
}

/** Docker's names, those of setrlimit(2) in lower case; address space and all others are in the same order there. */
const ulimitNames: Readonly<Record<(typeof resourceLimits)[number], string>> = {
  "max-address-space": "as",
  "max-core-file-size": "core",
  "max-cpu-time": "cpu",
  "max-data-size": "data",
  "max-file-locks": "locks",
  "max-file-size": "fsize",
  "max-locked-memory": "memlock",
  "max-msgqueue-size": "msgqueue",
  "max-nice-priority": "nice",
  "max-open-files": "nofile",
  "max-pending-signals": "sigpending",
  "max-processes": "nproc",
  "max-realtime-priority": "rtprio",
  "max-realtime-timeout": "rttime",
  "max-resident-set": "rss",
  "max-stack-size": "stack",
};

function ulimits(limits: Settings["oci-defaults"]["resource-limits"]) {
  const number = (limit: number | "unlimited"): number => (limit === "unlimited" ? -1 : limit);
  return Object.fromEntries(
    Object.entries(ulimitNames).flatMap(([setting, Name]) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table above
      const { "soft-limit": soft, "hard-limit": hard } = limits[setting as keyof typeof ulimitNames];
      return soft === undefined || hard === undefined
        ? []
        : [[Name, { Name, Soft: number(soft), Hard: number(hard) }] as const];
    }),
  );
}

/** What of these settings Docker has no place for. */
function unusable({
  ecs,
  "container-registry": { mirrors = [] },
  "oci-defaults": { capabilities },
}: Settings): string[] {
  if (ecs === undefined) return [];
  const elsewhere = [...new Set(mirrors.map(({ registry }) => registry))].filter((name) => name !== "docker.io");
  const isUsual =
    ordinaryCapabilities.every((name) => capabilities[name]) && !furtherCapabilities.some((name) => capabilities[name]);
  return [
    ...elsewhere.map(
      (name) => `settings.container-registry.mirrors: Docker Engine has mirrors for docker.io alone, not for ${name}`,
    ),
    ...(isUsual
      ? []
      : ["settings.oci-defaults.capabilities: Docker Engine has its own; tasks name theirs in their definition"]),
  ];
}
