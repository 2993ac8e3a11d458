/** A Node as it is after a change: what the API server makes of a patch, for simulations, checkers and tests. */
import type { FleetNode } from "./snapshot.ts";
import type { NodeChange } from "./write.ts";

export function changed(node: FleetNode, { marks, cordon, order, offLoadBalancers, started }: NodeChange): FleetNode {
  return {
    ...node,
    ...(marks === undefined ? {} : { marks: { ...node.marks, ...marks } }),
    ...(cordon === undefined ? {} : { cordon: cordon ? ("ours" as const) : ("none" as const) }),
    ...(order === undefined ? {} : { order: order ?? undefined }),
    ...(offLoadBalancers === undefined ? {} : { offLoadBalancers }),
    ...(started === undefined ? {} : { starting: false }),
  };
}
