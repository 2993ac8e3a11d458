/** Every variant, by name. */
import { Failure } from "../lib/failure.ts";
import { nearest } from "../lib/text/nearest.ts";
import { isAtLeast } from "../settings/model/setting.ts";
import { awsDev } from "./aws-dev.ts";
import { awsEcs1 } from "./aws-ecs-1.ts";
import { awsK8s } from "./aws-k8s.ts";
import { dev } from "./dev.ts";
import { kubernetesMinors } from "./kubernetes.ts";
import { metalDev } from "./metal-dev.ts";
import { metalK8s } from "./metal-k8s.ts";
import { withNvidia } from "./flavours/nvidia.ts";
import type { Variant } from "./variant.ts";
import { vmwareK8s } from "./vmware-k8s.ts";

/** Kubernetes 1.28 is the first whose kubelet tells containerd of devices by names of the Container Device Interface. */
const minorsWithDevices = kubernetesMinors.filter((minor) => isAtLeast(minor, "1.28"));

export const variants: ReadonlyMap<string, Variant> = new Map(
  [
    dev,
    metalDev,
    awsDev,
    awsEcs1,
    ...kubernetesMinors.flatMap((minor) => [awsK8s(minor), metalK8s(minor), vmwareK8s(minor)]),
    ...[awsEcs1, ...minorsWithDevices.flatMap((minor) => [awsK8s(minor), metalK8s(minor)])].map(withNvidia),
  ].map((variant) => [variant.name, variant]),
);

/** @throws {Failure<"no-such-variant">} */
export function variantNamed(name: string): Variant {
  const variant = variants.get(name);
  if (variant !== undefined) return variant;
  const meant = nearest(name, variants.keys());
  throw new Failure("no-such-variant", `cannot use variant ${JSON.stringify(name)}: there is none of that name`, {
    hint: meant === undefined ? `choose one of ${[...variants.keys()].join(", ")}` : `did you mean ${meant}?`,
  });
}
