/** One node of a fleet, with all that is known of it: for a page of its own. */
import type { FleetNode, Snapshot } from "../roll-out/snapshot.ts";

export type NodeDetails = {
  name: string;
  ready: boolean;
  /** RFC 3339; so are all times. */
  readySince: string;
  createdAt: string;
  cordon: FleetNode["cordon"];
  /** Absent where the host never reported. */
  host?: {
    variant: string;
    arch: string;
    boot: string;
    /** Its place in the waves, 0 to 2047, where it is known. */
    seed?: number;
    staged?: string;
    fallback?: string;
    onTrial: boolean;
    offers: { version: string; opensAt?: string }[];
    held: { version: string; reason: string }[];
    activity?: string;
    failure?: string;
  };
  /** What failed here. */
  failed?: { version: string; reason: string; at: string };
  /** What was given up here, and when it is tried again. */
  tries?: { version: string; drains: number; reboots: number; reason: string; after: string };
  /** The order that its host has now. */
  order?: { do: string; version: string; until: string };
  /** Of a drain: pods that are still there, and what was answered to their eviction. */
  pods?: { name: string; answer?: string }[];
  gates?: { gate: string; holds: boolean; reason: string }[];
};

export function nodeDetails(snapshots: readonly Snapshot[], name: string): NodeDetails | undefined {
  for (const snapshot of snapshots) {
    const node = snapshot.nodes.find((each) => each.name === name);
    if (node !== undefined) return detailsOf(snapshot, node);
  }
  return undefined;
}

function detailsOf(snapshot: Snapshot, node: FleetNode): NodeDetails {
  const { failed, tries } = node.marks;
  const { order } = node;
  const pods = podsOf(snapshot, node);
  const gates = snapshot.gates.get(node.name)?.map(({ gate, holds, reason }) => ({ gate, holds, reason }));
  return {
    name: node.name,
    ready: node.ready,
    readySince: node.readySince.toISOString(),
    createdAt: node.createdAt.toISOString(),
    cordon: node.cordon,
    ...(node.report === undefined ? {} : { host: hostOf(node.report) }),
    ...(failed === undefined ? {} : { failed: { ...failed, at: failed.at.toISOString() } }),
    ...(tries === undefined ? {} : { tries: { ...tries, after: tries.after.toISOString() } }),
    ...(order === undefined
      ? {}
      : { order: { do: order.do, version: order.version, until: order.until.toISOString() } }),
    ...(pods === undefined ? {} : { pods }),
    ...(gates === undefined ? {} : { gates }),
  };
}

function hostOf(report: NonNullable<FleetNode["report"]>): NonNullable<NodeDetails["host"]> {
  const { variant, arch, boot, staged, fallback, onTrial, held, activity, failure } = report;
  return {
    variant,
    arch,
    boot,
    ...("seed" in report && typeof report.seed === "number" ? { seed: report.seed } : {}),
    ...(staged === undefined ? {} : { staged }),
    ...(fallback === undefined ? {} : { fallback }),
    onTrial,
    offers: report.offers.map(({ version, opensAt }) =>
      opensAt === undefined ? { version } : { version, opensAt: opensAt.toISOString() },
    ),
    held,
    ...(activity === undefined ? {} : { activity }),
    ...(failure === undefined ? {} : { failure }),
  };
}

function podsOf({ drains }: Snapshot, { name }: FleetNode): NodeDetails["pods"] {
  const drain = drains.get(name);
  return drain?.pods.map(({ namespace, name: pod, uid }) => {
    const answer = drain.evictions.get(uid);
    const shown = `${namespace}/${pod}`;
    if (answer === undefined) return { name: shown };
    return { name: shown, answer: answer.kind === "refused" ? answer.reason : "asked to leave" };
  });
}
