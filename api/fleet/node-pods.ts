/** Which pods stay on a node that is about to reboot. Operator and host judge by the same rule. */
export type NodePod = {
  namespace: string;
  name: string;
  uid: string;
  phase: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  /** The controlling owner. */
  owner: { kind: string; uid: string } | undefined;
  /** Made from a file by kubelet: annotation `kubernetes.io/config.mirror`. */
  mirror: boolean;
  /** Label `fleet.orlop.dev/stays`. */
  stays: boolean;
  /** When it should have been gone, once it was deleted: its deletionTimestamp. */
  deletedAt: Date | undefined;
};

/** Nobody waits for it before a reboot: mirror pods, those of DaemonSets, finished ones, and those that ask for it. */
export function mayStay(pod: NodePod): boolean {
  return (
    pod.mirror || pod.stays || pod.owner?.kind === "DaemonSet" || pod.phase === "Succeeded" || pod.phase === "Failed"
  );
}
