/** Which version a node is to be brought to, or why to none. */
import type { Offer } from "../../api/fleet/host-report.ts";
import type { FleetPolicySpec } from "../policy/fleet-policy.ts";
import type { FleetNode } from "./snapshot.ts";
import type { Wait } from "./wait.ts";

export type Wanted = { version: string } | Wait;

export const isWait = (wanted: Wanted): wanted is Wait => "cause" in wanted;

/** The newest version that host and policy allow now. */
export function wantedVersion(node: FleetNode, spec: FleetPolicySpec, now: Date): Wanted {
  const { report } = node;
  if (report === undefined) return { cause: "no-report" };
  if (report.onTrial) return { cause: "on-trial", version: report.version };
  const { pin, forbid } = spec.versions;
  if (pin === report.version) return { cause: "up-to-date", version: pin };
  // Nobody is to run what is forbidden, so nobody waits for it, unless somebody pins it all the same.
  const isMeant = ({ version }: { version: string }): boolean =>
    pin === undefined ? !forbid.includes(version) : version === pin;
  let first: Wait | undefined;
  for (const offer of report.offers) {
    if (!isMeant(offer)) continue;
    const hold = holdOf(node, offer, spec, now);
    if (hold === undefined) return { version: offer.version };
    first ??= hold;
  }
  if (first !== undefined) return first;
  const held = report.held.find(isMeant);
  if (held !== undefined) return { cause: "failed", ...held };
  if (pin !== undefined) return { cause: "not-offered", version: pin, running: report.version };
  const { version } = report;
  const forbidden = [...report.offers, ...report.held].find((each) => !isMeant(each));
  return { cause: "up-to-date", version, ...(forbidden === undefined ? {} : { forbidden: forbidden.version }) };
}

function holdOf({ marks }: FleetNode, offer: Offer, spec: FleetPolicySpec, now: Date): Wait | undefined {
  const { version, opensAt, releasedAt } = offer;
  if (spec.versions.forbid.includes(version)) return { cause: "forbidden", version };
  if (marks.failed?.version === version) return { cause: "failed", version, reason: marks.failed.reason };
  if (opensAt !== undefined && opensAt > now) return { cause: "wave", version, opensAt };
  if (releasedAt !== undefined && spec.minimumAge > 0) {
    const until = new Date(releasedAt.getTime() + spec.minimumAge);
    if (until > now) return { cause: "minimum-age", version, until };
  }
  return undefined;
}

/** What keeps a node from being claimed that lies in the node itself; otherwise the version that it is ready for. */
export function readyFor(node: FleetNode, spec: FleetPolicySpec, now: Date): Wanted {
  if (!node.selected) return { cause: "not-selected" };
  if (node.leaving) return { cause: "leaving" };
  const wanted = wantedVersion(node, spec, now);
  if (isWait(wanted)) return wanted;
  const { version } = wanted;
  const { tries } = node.marks;
  if (node.cordon !== "none") return { cause: "cordoned" };
  if (!node.ready) return { cause: "not-ready", since: node.readySince };
  if (tries !== undefined && tries.version === version && tries.after > now) {
    return { cause: "retry", version, reason: tries.reason, after: tries.after };
  }
  if (node.report?.staged !== version) {
    return isPreparing(node, version)
      ? { cause: "preparing", version, activity: node.report?.activity ?? node.report?.failure }
      : { cause: "prepare", version };
  }
  return wanted;
}

export function isPreparing({ order, report }: FleetNode, version: string): boolean {
  return order?.do === "prepare" && order.version === version && order.boot === report?.boot;
}
