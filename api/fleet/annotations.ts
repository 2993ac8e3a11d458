/**
 * What host and fleet operator write on a Node of Kubernetes, by name. NodeRestriction lets a host write on its own
 * Node only, and so each annotation has one writer: the host its report, the operator everything else.
 */
const domain = "fleet.orlop.dev";

export const annotations = {
  /** Written by the host: a `HostReport`, as JSON. */
  report: `${domain}/host`,
  /** All others by the operator. An `Order`, as JSON. */
  order: `${domain}/order`,
  /** The token of the claim under which the node is worked on. */
  claim: `${domain}/claim`,
  /** The highest token that is used up here: a claim counts only with a higher one. */
  over: `${domain}/over`,
  /** When the step began, RFC 3339. */
  since: `${domain}/since`,
  /** "ours" while the operator keeps the node cordoned. */
  cordoned: `${domain}/cordoned`,
  /** Since when, RFC 3339. */
  cordonedAt: `${domain}/cordoned-at`,
  /** "ours" where the operator set the label that takes the node out of load balancers. */
  excluded: `${domain}/excluded`,
  /** The UID of the policy whose claim the node is under. */
  policy: `${domain}/policy`,
  /** What the step is to lead to, as JSON. */
  aim: `${domain}/aim`,
  /** The version that failed here, as JSON. */
  failed: `${domain}/failed`,
  /** What was given up here and when it is tried again, as JSON. */
  tries: `${domain}/tries`,
} as const;

/** Labels of Nodes. */
export const labels = {
  /** The step, so that `kubectl get nodes -L fleet.orlop.dev/step` shows it. Absent at rest. */
  step: `${domain}/step`,
  /** Kubernetes' own; service controllers take such a node out of their load balancers. */
  excludeFromLoadBalancers: "node.kubernetes.io/exclude-from-external-load-balancers",
} as const;

/** The taint by which a node that just started asks for its update before it gets pods: NoSchedule. */
export const startingTaint = `${domain}/starting`;

/** A label of pods that neither leave a node before its reboot nor keep it from rebooting. The operator's own have it. */
export const staysLabel = `${domain}/stays`;

/** Annotations of a FleetPolicy, by which people stop a roll-out and let it go on. */
export const policyAnnotations = {
  /** Any value is the reason: nothing begins, and drains are given back. */
  stop: `${domain}/stop`,
  /** The id of the halt that is over. */
  resume: `${domain}/resume`,
} as const;
