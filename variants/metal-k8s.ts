/** Nodes of Kubernetes on physical machines. */
import type { Minor } from "../settings/model/setting.ts";
import { kubernetesDefaults, kubernetesGroups, kubernetesPackages, kubernetesPrograms } from "./kubernetes.ts";
import type { Variant } from "./variant.ts";

export function metalK8s(minor: Minor): Variant {
  const defaults = kubernetesDefaults(minor);
  return {
    name: `metal-k8s-${minor}`,
    summary: `Node of Kubernetes ${minor} on a physical machine`,
    platform: "metal",
    orchestrator: { kind: "kubernetes", minor },
    architectures: ["x86_64", "aarch64"],
    kernel: "generic",
    packages: kubernetesPackages,
    programs: kubernetesPrograms(minor),
    interactive: false,
    groups: kubernetesGroups,
    defaults: {
      ...defaults,
      // There is no cloud that takes the taint of an external one away, and nobody who approves certificates of servers.
      kubernetes: { ...defaults.kubernetes, "cloud-provider": "", "server-tls-bootstrap": false },
    },
    kernelParameters: [],
    userData: ["local-file"],
  };
}
