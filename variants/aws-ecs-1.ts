/** Instances of an Amazon ECS cluster. */
import { awsDefaults, awsGroups } from "./aws.ts";
import type { Variant } from "./variant.ts";

export const awsEcs1: Variant = {
  name: "aws-ecs-1",
  summary: "Instance of an Amazon ECS cluster",
  platform: "aws",
  orchestrator: { kind: "ecs" },
  architectures: ["x86_64", "aarch64"],
  kernel: "cloud",
  packages: ["docker.io", "iptables"],
  programs: {},
  supplied: { "usr/bin/amazon-ecs-agent": "ecs-agent" },
  interactive: false,
  groups: [...awsGroups, "ecs"],
  defaults: {
    ...awsDefaults,
    "oci-defaults": { "resource-limits": { "max-open-files": { "soft-limit": 1024, "hard-limit": 4096 } } },
    metrics: { "service-checks": ["hostd", "chronyd", "containerd", "docker", "ecs"] },
  },
  kernelParameters: [],
  userData: ["local-file", "ec2"],
};
