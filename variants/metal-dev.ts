/** For physical machines, with nothing but what every host has. */
import { baseGroupNames } from "../settings/groups/group.ts";
import type { Variant } from "./variant.ts";

export const metalDev: Variant = {
  name: "metal-dev",
  summary: "For physical machines; what every host has and nothing else",
  platform: "metal",
  orchestrator: { kind: "none" },
  architectures: ["x86_64", "aarch64"],
  kernel: "generic",
  packages: [],
  programs: {},
  interactive: false,
  groups: baseGroupNames,
  defaults: { kernel: { lockdown: "none" } },
  kernelParameters: [],
  userData: ["local-file"],
};
