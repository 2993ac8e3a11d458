/** `settings.nvidia-container-runtime`: GPUs of NVIDIA in containers. */
import { setting, table } from "../model/setting.ts";
import { flag } from "../model/type.ts";

export const nvidiaContainerRuntime = table("How containers ask NVIDIA's runtime for GPUs.", {
  "visible-devices-as-volume-mounts": setting({
    type: flag,
    doc: "Whether a container has the GPUs that are mounted below /var/run/nvidia-container-devices, as NVIDIA's device plugin does it.",
    default: true,
  }),
  "visible-devices-envvar-when-unprivileged": setting({
    type: flag,
    doc: "Whether a container without privileges has the GPUs that its variable NVIDIA_VISIBLE_DEVICES names. Images may set it, so that a container has GPUs which nobody gave it.",
    default: false,
  }),
});
