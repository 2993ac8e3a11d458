/** containerd's plugin that kubelet talks to; see containerd's docs/cri/config.md. */
import { defined } from "../../../lib/defined.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { registryHostsDirectory } from "../../containers/description.ts";
import { pauseImage } from "../../../variants/kubernetes.ts";
import { credentialsByHost } from "../../containers/registry/registries.ts";
import { podNetworkTemplate } from "../kubernetes/paths.ts";
import { baseRuntimeSpecPath } from "./base-runtime-spec.ts";

/** By this name pods and Docker ask for NVIDIA's runtime. */
export const nvidiaRuntime = { name: "nvidia", program: "/usr/bin/nvidia-container-runtime" } as const;

/** Of containerd 2: images, and containers. */
export function criPlugins(settings: Settings) {
  const { cni, ...runtime } = runtimeOf(settings);
  return {
    "io.containerd.cri.v1.images": defined({
      snapshotter: snapshotterOf(settings),
      pinned_images: { sandbox: pauseImageOf(settings) },
      registry: registryOf(settings),
      ...ownLimits(settings),
    }),
    "io.containerd.cri.v1.runtime": { ...runtime, cni: { bin_dirs: [cniPrograms], ...cni } },
  };
}

/** Of containerd 1.7: both in one. */
export function criPluginsOf17(settings: Settings) {
  const { cni, containerd, ...runtime } = runtimeOf(settings);
  return {
    "io.containerd.grpc.v1.cri": defined({
      sandbox_image: pauseImageOf(settings),
      max_concurrent_downloads: settings["container-runtime"]["max-concurrent-downloads"],
      ...runtime,
      containerd: { snapshotter: snapshotterOf(settings), ...containerd },
      cni: { bin_dir: cniPrograms, ...cni },
      registry: registryOf(settings),
    }),
  };
}

const cniPrograms = "/opt/cni/bin";

function runtimeOf(settings: Settings) {
  const { kubernetes, "container-runtime": runtime } = settings;
  return {
    // Each pod has categories of its own.
    enable_selinux: true,
    ...defined({
      enable_unprivileged_icmp: runtime["enable-unprivileged-icmp"],
      enable_unprivileged_ports: runtime["enable-unprivileged-ports"],
      device_ownership_from_security_context: kubernetes?.["device-ownership-from-security-context"],
      max_container_log_line_size: runtime["max-container-log-line-size"],
    }),
    containerd: runtimesOf(settings),
    cni: {
      conf_dir: "/etc/cni/net.d",
      ...(kubernetes?.["pod-network"] === "bridge" ? { conf_template: podNetworkTemplate } : {}),
    },
  };
}

function runtimesOf({ "nvidia-container-runtime": nvidia }: Settings) {
  const { name, program } = nvidiaRuntime;
  if (nvidia === undefined) return { default_runtime_name: "runc", runtimes: { runc: runtime({}) } };
  // As on Bottlerocket: it changes nothing for containers that are given no GPU.
  return { default_runtime_name: name, runtimes: { runc: runtime({}), [name]: runtime({ BinaryName: program }) } };
}

function runtime(options: { BinaryName?: string }) {
  return {
    runtime_type: "io.containerd.runc.v2",
    base_runtime_spec: baseRuntimeSpecPath,
    // kubelet's cgroup driver is systemd.
    options: { SystemdCgroup: true, ...options },
  };
}

const snapshotterOf = ({ "container-runtime": runtime }: Settings): string => runtime.snapshotter ?? "overlayfs";

const pauseImageOf = ({ kubernetes }: Settings): string => kubernetes?.["pod-infra-container-image"] ?? pauseImage;

/** With credentials, containerd 2 fetches in this plugin and not in the one for transfers, whose limits do not count then. */
function ownLimits(settings: Settings) {
  if (credentialsOf(settings).size === 0) return {};
  const { "container-runtime": runtime } = settings;
  return {
    max_concurrent_downloads: runtime["max-concurrent-downloads"],
    concurrent_layer_fetch_buffer: runtime["concurrent-download-chunk-size"],
  };
}

function registryOf(settings: Settings) {
  const byHost = credentialsOf(settings);
  const configs = [...byHost].map(([host, { username, password, auth, identitytoken }]) => {
    return [host, { auth: defined({ username, password, auth, identitytoken }) }] as const;
  });
  return {
    config_path: registryHostsDirectory,
    ...(configs.length === 0 ? {} : { configs: Object.fromEntries(configs) }),
  };
}

function credentialsOf({ "container-registry": { mirrors = [], credentials = [] } }: Settings) {
  return credentialsByHost({ mirrors, credentials });
}
