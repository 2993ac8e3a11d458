/**
 * containerd where the orchestrator, or a person on a host without one, uses it; see containerd-config.toml(5), version 2.
 *
 * The CRI plugin is there for kubelet alone. Mirrors stand in `registries.ts`, since containerd reads those at each pull.
 */
import { stringify } from "smol-toml";
import { defined } from "../../../lib/defined.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { pauseImage } from "../../../variants/kubernetes.ts";
import type { Variant } from "../../../variants/variant.ts";
import { credentialsByHost, type Credential } from "../../containers/registry/registries.ts";
import { baseRuntimeSpecPath } from "./base-runtime-spec.ts";
import { configFile } from "../config-file.ts";
import { podNetworkTemplate } from "../kubernetes/paths.ts";
import { registryDirectory } from "./registries.ts";

export const containerdConfig = configFile({
  path: "/etc/containerd/config.toml",
  // Credentials of registries.
  mode: 0o600,
  // Containers go on while it restarts: their shims are processes of their own.
  restart: ["containerd.service"],
  render: (settings, { variant }) =>
    `# Written from settings; changes are overwritten.\n${stringify(configurationOf(settings, variant))}\n`,
});

const cri = "io.containerd.grpc.v1.cri";

function configurationOf(settings: Settings, { orchestrator }: Variant) {
  const level = settings["container-runtime"]["log-level"];
  const hasCri = orchestrator.kind === "kubernetes";
  return {
    version: 2,
    root: "/var/lib/containerd",
    state: "/run/containerd",
    ...(hasCri ? {} : { disabled_plugins: [cri] }),
    grpc: { address: "/run/containerd/containerd.sock" },
    ...(level === undefined ? {} : { debug: { level } }),
    ...(hasCri ? { plugins: { [cri]: criPlugin(settings) } } : {}),
  };
}

function criPlugin({ kubernetes, "container-runtime": runtime, "container-registry": registry }: Settings) {
  const { mirrors = [], credentials = [] } = registry;
  const byHost = credentialsByHost({ mirrors, credentials });
  return defined({
    sandbox_image: kubernetes?.["pod-infra-container-image"] ?? pauseImage,
    enable_unprivileged_icmp: runtime["enable-unprivileged-icmp"],
    enable_unprivileged_ports: runtime["enable-unprivileged-ports"],
    device_ownership_from_security_context: kubernetes?.["device-ownership-from-security-context"],
    max_concurrent_downloads: runtime["max-concurrent-downloads"],
    max_container_log_line_size: runtime["max-container-log-line-size"],
    containerd: {
      default_runtime_name: "runc",
      snapshotter: runtime.snapshotter ?? "overlayfs",
      // kubelet's cgroup driver is systemd.
      runtimes: {
        runc: {
          runtime_type: "io.containerd.runc.v2",
          base_runtime_spec: baseRuntimeSpecPath,
          options: { SystemdCgroup: true },
        },
      },
    },
    cni: {
      bin_dir: "/opt/cni/bin",
      conf_dir: "/etc/cni/net.d",
      ...(kubernetes?.["pod-network"] === "bridge" ? { conf_template: podNetworkTemplate } : {}),
    },
    registry: {
      config_path: registryDirectory,
      ...(byHost.size === 0 ? {} : { configs: authByHost(byHost) }),
    },
  });
}

function authByHost(byHost: ReadonlyMap<string, Credential>) {
  return Object.fromEntries(
    [...byHost].map(([host, { username, password, auth, identitytoken }]) => [
      host,
      { auth: defined({ username, password, auth, identitytoken }) },
    ]),
  );
}
