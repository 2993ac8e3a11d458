/** Nodes of Kubernetes in EC2, as Amazon EKS has them. */
import { isAtLeast, type Minor } from "../settings/model/setting.ts";
import { awsDefaults, awsGroups } from "./aws.ts";
import { kubernetesDefaults, kubernetesPackages, kubernetesPrograms } from "./kubernetes.ts";
import type { Variant } from "./variant.ts";

export function awsK8s(minor: Minor): Variant {
  const defaults = kubernetesDefaults(minor);
  return {
    name: `aws-k8s-${minor}`,
    summary: `Node of Kubernetes ${minor} in EC2`,
    platform: "aws",
    orchestrator: { kind: "kubernetes", minor },
    architectures: ["x86_64", "aarch64"],
    kernel: "cloud",
    packages: kubernetesPackages,
    programs: kubernetesPrograms(minor),
    interactive: false,
    groups: [...awsGroups, "kubernetes"],
    defaults: {
      ...awsDefaults,
      ...defaults,
      kubernetes: {
        ...defaults.kubernetes,
        "authentication-mode": "aws",
        // Kubernetes 1.27 took the code for AWS out of kubelet.
        "cloud-provider": isAtLeast(minor, "1.27") ? "external" : "aws",
      },
    },
    kernelParameters: [],
    userData: ["local-file", "ec2"],
  };
}
