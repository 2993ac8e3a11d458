/** Nodes of Kubernetes on VMware vSphere. */
import type { Minor } from "../settings/model/setting.ts";
import { kubernetesDefaults, kubernetesGroups, kubernetesPackages, kubernetesPrograms } from "./kubernetes.ts";
import type { Variant } from "./variant.ts";

export function vmwareK8s(minor: Minor): Variant {
  const defaults = kubernetesDefaults(minor);
  return {
    name: `vmware-k8s-${minor}`,
    summary: `Node of Kubernetes ${minor} on VMware vSphere`,
    platform: "vmware",
    orchestrator: { kind: "kubernetes", minor },
    architectures: ["x86_64"],
    // The cloud flavour has no drivers for VMware's devices.
    kernel: "generic",
    packages: [...kubernetesPackages, "open-vm-tools"],
    programs: kubernetesPrograms(minor),
    interactive: false,
    groups: kubernetesGroups,
    defaults: {
      ...defaults,
      kubernetes: { ...defaults.kubernetes, "server-tls-bootstrap": false },
      metrics: { "service-checks": ["hostd", "chronyd", "containerd", "kubelet", "vmtoolsd"] },
    },
    kernelParameters: ["crashkernel=2G-:256M"],
    userData: ["local-file", "vmware-cd-rom", "vmware-guestinfo"],
  };
}
