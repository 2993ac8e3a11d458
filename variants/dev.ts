/** For QEMU, with everything a person needs to look inside. */
import { baseGroupNames } from "../settings/groups/group.ts";
import type { Variant } from "./variant.ts";

const registry = "10.0.2.2:5000";

export const dev: Variant = {
  name: "dev",
  summary: "For QEMU; shells, editors and tracing tools to look inside",
  platform: "qemu",
  orchestrator: { kind: "none" },
  architectures: ["x86_64", "aarch64"],
  kernel: "cloud",
  packages: [
    "bash",
    "coreutils",
    "curl",
    "findutils",
    "gawk",
    "grep",
    "iproute2",
    "iputils-ping",
    "less",
    "procps",
    "psmisc",
    "sed",
    "strace",
    "tar",
    "tcpdump",
    "util-linux",
    "vim-tiny",
  ],
  programs: {},
  interactive: true,
  groups: baseGroupNames,
  defaults: {
    kernel: { lockdown: "none" },
    // What `./orlop registry` serves on the computer that runs QEMU.
    "container-registry": { mirrors: [{ registry, endpoint: [`http://${registry}`] }] },
  },
  // Under emulation on a busy computer the kernel's check of its timer fails, and it goes on with one that stalls it.
  kernelParameters: ["no_timer_check"],
  // All that QEMU can offer; the firmware says which of the platforms it plays.
  userData: ["local-file", "fw-cfg", "ec2", "vmware-cd-rom"],
};
