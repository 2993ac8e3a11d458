/** What nodes of Kubernetes have in common, wherever they run. */
import { baseGroupNames, type DefaultsOf, type Group } from "../settings/groups/group.ts";
import { credentialProviders, iamAuthenticator } from "../settings/model/selection.ts";
import { isAtLeast, type Minor } from "../settings/model/setting.ts";
import type { Variant } from "./variant.ts";

/** Hybrid nodes of Amazon EKS run anywhere, with an AWS role that `settings.aws` brings. */
export const kubernetesGroups: readonly Group[] = [...baseGroupNames, "aws", "kubernetes"];

/** Debian packages that kubelet calls, or that pods expect on a node. */
export const kubernetesPackages: readonly string[] = ["conntrack", "containernetworking-plugins", "iptables"];

/** From old to new, each with a recipe. */
export const kubernetesMinors = ["1.20", "1.34", "1.35", "1.37"] as const satisfies readonly Minor[];

/** The image that pods start from, which every node has in its root: `/usr/share/orlop/images/pause.tar`. */
export const pauseImage = "orlop.local/pause:1";

/**
 * Whether kubelet speaks only v1alpha2 of the container runtime interface, which left containerd with version 2: such a
 * node has 1.7 for its pods beside version 2 for the host's containers.
 */
export function wantsContainerd17({ orchestrator }: Pick<Variant, "orchestrator">): boolean {
  return orchestrator.kind === "kubernetes" && !isAtLeast(orchestrator.minor, "1.23");
}

export const containerd17Programs: Variant["programs"] = {
  "usr/lib/containerd-1.7/containerd": "containerd-1.7/containerd",
  "usr/lib/containerd-1.7/containerd-shim-runc-v2": "containerd-1.7/containerd-shim-runc-v2",
};

export function kubernetesPrograms(minor: Minor): Variant["programs"] {
  return {
    ...(wantsContainerd17({ orchestrator: { kind: "kubernetes", minor } }) ? containerd17Programs : {}),
    "usr/bin/kubelet": `kubernetes-${minor}/kubelet`,
    // By which a node proves its AWS role to the cluster, and to AWS's registries.
    [iamAuthenticator]: "aws-iam-authenticator/aws-iam-authenticator",
    // Kubernetes 1.24 is the first with `settings.kubernetes.credential-providers`.
    ...(isAtLeast(minor, "1.24")
      ? {
          [`${credentialProviders}/ecr-credential-provider`]: `ecr-credential-provider-${minor}/ecr-credential-provider`,
        }
      : {}),
  };
}

/** Defaults of Bottlerocket's variants of this minor. */
export function kubernetesDefaults(minor: Minor): DefaultsOf & { kubernetes: object } {
  return {
    kubernetes: {
      ...(isAtLeast(minor, "1.32") ? { "device-ownership-from-security-context": true } : {}),
      ...(isAtLeast(minor, "1.33") ? { "seccomp-default": true } : {}),
    },
    "oci-defaults": { "resource-limits": { "max-open-files": { "soft-limit": 65_536, "hard-limit": 1_048_576 } } },
    metrics: { "service-checks": ["hostd", "chronyd", "containerd", "kubelet"] },
  };
}
