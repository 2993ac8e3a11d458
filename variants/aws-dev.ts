/** For trying things out in EC2. */
import { awsDefaults, awsGroups } from "./aws.ts";
import { dev } from "./dev.ts";
import type { Variant } from "./variant.ts";

export const awsDev: Variant = {
  name: "aws-dev",
  summary: "For trying things out in EC2; Docker, and what dev has to look inside",
  platform: "aws",
  orchestrator: { kind: "none" },
  architectures: ["x86_64", "aarch64"],
  kernel: "cloud",
  packages: [...dev.packages, "docker.io", "iptables"],
  programs: {},
  interactive: true,
  groups: awsGroups,
  defaults: {
    ...awsDefaults,
    kernel: { lockdown: "none" },
    metrics: { "service-checks": ["hostd", "chronyd", "containerd", "docker"] },
  },
  kernelParameters: ["crashkernel=2G-:256M"],
  userData: ["local-file", "ec2"],
  lacks: "Docker Engine is not part of images yet",
};
