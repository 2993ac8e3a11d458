/**
 * containerd where the orchestrator, or a person on a host without one, uses it; see containerd-config.toml(5), version 4.
 *
 * The CRI plugin is there for kubelet alone, in `cri.ts`. Mirrors stand in `registries.ts`, since containerd reads those
 * at each pull.
 */
import { stringify } from "smol-toml";
import { defined } from "../../../lib/defined.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { registryHostsDirectory } from "../../containers/description.ts";
import { wantsContainerd17 } from "../../../variants/kubernetes.ts";
import type { Variant } from "../../../variants/variant.ts";
import { configFile } from "../config-file.ts";
import { criPlugins, criPluginsOf17 } from "./cri.ts";

export const containerdConfig = configFile({
  path: "/etc/containerd/config.toml",
  // Credentials of registries.
  mode: 0o600,
  // Containers go on while it restarts: their shims are processes of their own.
  restart: ["containerd.service"],
  render: (settings, { variant }) =>
    `# Written from settings; changes are overwritten.\n${stringify(configurationOf(settings, variant))}\n`,
});

const socket = "/run/containerd/containerd.sock";

function configurationOf(settings: Settings, variant: Variant) {
  const level = settings["container-runtime"]["log-level"];
  const common = {
    root: "/var/lib/containerd",
    state: "/run/containerd",
    ...(level === undefined ? {} : { debug: { level } }),
  };
  if (wantsContainerd17(variant)) {
    return { version: 2, ...common, grpc: { address: socket }, plugins: criPluginsOf17(settings) };
  }
  const own = {
    "io.containerd.server.v1.grpc": { address: socket },
    "io.containerd.server.v1.ttrpc": { address: `${socket}.ttrpc` },
    "io.containerd.transfer.v1.local": transferPlugin(settings),
  };
  if (variant.orchestrator.kind === "kubernetes") {
    return { version: 4, ...common, plugins: { ...own, ...criPlugins(settings) } };
  }
  return { version: 4, ...common, disabled_plugins: [...criNames], plugins: own };
}

const criNames = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"] as const;

/** How images are fetched. */
function transferPlugin({ "container-runtime": runtime }: Settings) {
  return defined({
    config_path: registryHostsDirectory,
    max_concurrent_downloads: runtime["max-concurrent-downloads"],
    concurrent_layer_fetch_buffer: runtime["concurrent-download-chunk-size"],
    max_concurrent_unpacks: runtime["max-concurrent-unpacks"],
  });
}
