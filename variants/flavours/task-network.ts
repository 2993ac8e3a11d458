/**
 * Network interfaces of their own for tasks of ECS (awsvpc): by plug-ins of the agent that no registry carries. An image has
 * all of them, when whoever builds it brings them, or none.
 *
 * Source: https://github.com/aws/amazon-ecs-agent, agent/app/agent_unix.go (awsVPCCNIPlugins).
 */
import type { SuppliedName, Variant } from "../variant.ts";

/** In the root, without the first slash. */
export const taskNetworkDirectory = "usr/libexec/amazon-ecs-cni-plugins";

const plugins = [
  "vpc-eni",
  "vpc-branch-eni",
  "ecs-bridge",
  "ecs-ipam",
  "aws-appmesh",
] as const satisfies readonly SuppliedName[];

/** Paths of the plug-ins in the root. */
export const taskNetworkPaths: Readonly<Record<string, SuppliedName>> = Object.fromEntries(
  plugins.map((name) => [`${taskNetworkDirectory}/${name}`, name]),
);

/** The variant with all of them, when any is brought: the builder then asks for the others. */
export function withTaskNetwork(variant: Variant, brought: readonly string[]): Variant {
  if (variant.orchestrator.kind !== "ecs" || !plugins.some((name) => brought.includes(name))) return variant;
  return { ...variant, supplied: { ...variant.supplied, ...taskNetworkPaths } };
}

export function hasTaskNetwork({ supplied = {} }: Pick<Variant, "supplied">): boolean {
  return Object.keys(taskNetworkPaths).every((path) => path in supplied);
}
