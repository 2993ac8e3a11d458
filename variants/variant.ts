/**
 * What a variant is: one combination of contents, platform and orchestrator that an image is built for.
 *
 * Variants are data. A file beside this one exports a variant, or a function of Kubernetes' minor version that gives one
 * (`aws-k8s.ts`); `all.ts` lists all of them. The image builder takes the packages, the host and the laptop tools take the
 * setting groups and defaults.
 */
import type { DefaultsOf, Group } from "../settings/groups/group.ts";

export const architectures = ["x86_64", "aarch64"] as const;
export type Architecture = (typeof architectures)[number];

/** Where the machine runs: decides the kernel flavour, the console and where user data comes from. */
export const platforms = ["qemu", "metal", "aws", "vmware"] as const;
export type Platform = (typeof platforms)[number];

export type Orchestrator = { kind: "none" } | { kind: "kubernetes"; minor: `1.${number}` } | { kind: "ecs" };

/** Places that may hold user data, read in the order listed; a later one wins per setting. */
export const userDataSources = ["local-file", "fw-cfg", "ec2", "vmware-cd-rom", "vmware-guestinfo"] as const;
export type UserDataSource = (typeof userDataSources)[number];

/** What no registry carries. */
export const suppliedNames = [
  "ecs-agent",
  "ssm-agent",
  "ssm-agent-worker",
  "ssm-document-worker",
  "ssm-session-worker",
  "vpc-eni",
  "vpc-branch-eni",
  "ecs-bridge",
  "ecs-ipam",
  "aws-appmesh",
] as const;
export type SuppliedName = (typeof suppliedNames)[number];

export type Variant = {
  /** As in `VARIANT_ID`, for example "aws-k8s-1.20". */
  name: string;
  summary: string;
  platform: Platform;
  orchestrator: Orchestrator;
  architectures: readonly Architecture[];
  /** "cloud" is the small kernel for virtual machines, "generic" drives real hardware. */
  kernel: "cloud" | "generic";
  /** Debian packages beyond those every variant has (`image/packages/base.ts`). */
  packages: readonly string[];
  /**
   * Programs that recipes make (`image/recipes/`), by their path in the root: { "usr/bin/kubelet": "kubernetes-1.20/kubelet" }.
   */
  programs: Readonly<Record<string, string>>;
  /** Programs that whoever builds an image has to bring (`image/supplied/`), by their path in the root. */
  supplied?: Readonly<Record<string, SuppliedName>>;
  /** A person may look inside: shells, editors and debugging tools stay in the root. */
  interactive: boolean;
  /** The settings this variant has; everything else is an unknown key. */
  groups: readonly Group[];
  /** Defaults that differ from those beside the setting. */
  defaults: DefaultsOf;
  /** Put at the start of the kernel command line. */
  kernelParameters: readonly string[];
  userData: readonly UserDataSource[];
  /** What `build` still needs before it can make this image; undefined when it can. */
  lacks?: string;
};

/** Programs of recipes that every host has, by their path in the root; a variant adds its own. */
export const basePrograms: Variant["programs"] = {
  "usr/bin/containerd": "containerd/containerd",
  "usr/bin/containerd-shim-runc-v2": "containerd/containerd-shim-runc-v2",
  // For people who look inside, and for kubelet's unit, which takes the pause image in.
  "usr/bin/ctr": "containerd/ctr",
  "usr/bin/runc": "runc/runc",
};
