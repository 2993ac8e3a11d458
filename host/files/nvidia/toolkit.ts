/**
 * NVIDIA's container runtime; see `api/config/v1` of nvidia-container-toolkit for the names.
 *
 * It writes down by itself, for each container, what the Container Device Interface wants to know of the GPUs. The mode
 * before that, "legacy", needs a program that is not in the image.
 */
import { stringify } from "smol-toml";
import { configFile } from "../config-file.ts";
import { driverRoot } from "./driver-root.ts";

export const nvidiaToolkit = configFile({
  path: "/etc/nvidia-container-runtime/config.toml",
  // Read for each container.
  render({ "nvidia-container-runtime": runtime }) {
    if (runtime === undefined) return undefined;
    const configuration = {
      "accept-nvidia-visible-devices-as-volume-mounts": runtime["visible-devices-as-volume-mounts"],
      "accept-nvidia-visible-devices-envvar-when-unprivileged": runtime["visible-devices-envvar-when-unprivileged"],
      "nvidia-container-cli": { root: driverRoot },
      "nvidia-ctk": { path: "/usr/bin/nvidia-ctk" },
      "nvidia-container-runtime": { mode: "jit-cdi", runtimes: ["/usr/bin/runc"] },
    };
    return `# Written from settings; changes are overwritten.\n${stringify(configuration)}\n`;
  },
});
