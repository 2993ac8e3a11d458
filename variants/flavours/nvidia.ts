/**
 * The flavour of a variant for machines with GPUs of NVIDIA: what containers need to use them, and no driver, which is
 * not for anybody to hand on. docs/nvidia.md says how one comes onto a host.
 */
import type { DefaultsOf } from "../../settings/groups/group.ts";
import type { Variant } from "../variant.ts";

const toolkit = {
  "usr/bin/nvidia-cdi-hook": "nvidia-container-toolkit/nvidia-cdi-hook",
  "usr/bin/nvidia-container-runtime": "nvidia-container-toolkit/nvidia-container-runtime",
  "usr/bin/nvidia-ctk": "nvidia-container-toolkit/nvidia-ctk",
} as const;

/** The same variant with the flavour, "-nvidia" at the end of its name. */
export function withNvidia(variant: Variant): Variant {
  return {
    ...variant,
    name: `${variant.name}-nvidia`,
    summary: `${variant.summary}, with GPUs of NVIDIA`,
    programs: { ...variant.programs, ...toolkit },
    groups: [...variant.groups, "nvidia-container-runtime"],
    defaults: {
      ...variant.defaults,
      // As on Bottlerocket: a driver's modules are signed by whoever built them, if at all.
      kernel: { ...variant.defaults.kernel, lockdown: "none" },
      ...(variant.orchestrator.kind === "ecs" ? ofTasks : {}),
    },
  };
}

/** The agent of ECS names GPUs by a variable, in tasks without privileges too. */
const ofTasks: DefaultsOf = {
  "nvidia-container-runtime": {
    "visible-devices-as-volume-mounts": false,
    "visible-devices-envvar-when-unprivileged": true,
  },
};
