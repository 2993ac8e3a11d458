/** A node at rest: it begins under its claim, is prepared ahead, and what should not be there is put right. */
import type { Claim } from "../../policy/fleet-policy.ts";
import { isBackAndWell, nodeWrite, restored } from "./change.ts";
import { nothing, write, type StepResult } from "./failure.ts";
import type { FleetNode, Snapshot } from "../snapshot.ts";
import type { Survey } from "../survey.ts";
import { isWait, readyFor } from "../wanted.ts";
import type { NodeChange, Write } from "../write.ts";

export function rest(survey: Survey, node: FleetNode, claim: Claim | undefined): StepResult {
  if (claim !== undefined && claim.token > node.marks.over) return write(underClaim(survey, node, claim));
  const repaired = repair(survey, node);
  return repaired === undefined ? nothing : write(repaired);
}

function underClaim(survey: Survey, node: FleetNode, claim: Claim): Write {
  const wanted = readyFor(node, survey.snapshot.policy.spec, survey.now);
  const begins = survey.barrier === undefined && !isWait(wanted) && wanted.version === claim.version;
  if (!begins) {
    const change: NodeChange = { ...restored(node), marks: { ...restored(node).marks, over: claim.token } };
    return nodeWrite(node, change, "GivenBack", "given back before anything was done: it is not to begin any more");
  }
  return begin(survey, node, claim);
}

/** One patch: cordoned, marked with the token, and out of load balancers. */
function begin({ snapshot, now }: Survey, node: FleetNode, claim: Claim): Write {
  const { policy } = snapshot;
  const excludes = policy.spec.loadBalancer.exclude && !node.offLoadBalancers;
  const change: NodeChange = {
    cordon: true,
    ...(node.order === undefined ? {} : { order: null }),
    ...(excludes ? { offLoadBalancers: true } : {}),
    marks: {
      step: "Draining",
      claim: claim.token,
      since: now,
      policy: policy.uid,
      aim: { do: "reboot-into", version: claim.version, from: node.report?.version ?? "" },
      excluded: excludes || node.marks.excluded,
    },
  };
  return nodeWrite(node, change, "Draining", `cordoned for ${claim.version}`);
}

/** A cordon, an exclusion, an order or a taint of ours that has outlived its reason. */
function repair(survey: Survey, node: FleetNode): Write | undefined {
  const { snapshot, now } = survey;
  const { deleting, spec } = snapshot.policy;
  if ((node.cordon === "ours" || node.marks.excluded) && (isBackAndWell(node) || deleting)) {
    return nodeWrite(node, restored(node), "Repaired", "healthy, and given back");
  }
  const { order, report } = node;
  if (order !== undefined) {
    const done = report?.staged === order.version || report?.boot !== order.boot || order.until <= now;
    if (order.do !== "prepare" || done || (survey.barrier !== undefined && survey.barrier.cause !== "paused")) {
      return nodeWrite(node, { order: null }, "Tidied", "an order that is done or void is taken away");
    }
  }
  if (!node.starting) return undefined;
  const tooOld = now.getTime() - node.createdAt.getTime() > spec.newNodeGrace;
  if (tooOld || survey.barrier !== undefined || hasNothingToTake(survey, node)) {
    return nodeWrite(node, { started: true }, "Started", "gets pods from now on");
  }
  return undefined;
}

function hasNothingToTake({ snapshot, now }: Survey, node: FleetNode): boolean {
  const wanted = readyFor(node, snapshot.policy.spec, now);
  if (!isWait(wanted)) return false;
  return !["no-report", "not-ready", "on-trial", "prepare", "preparing", "retry"].includes(wanted.cause);
}

/** An order to download while the host works. */
export function prepare({ policy }: Snapshot, node: FleetNode, version: string, now: Date): Write {
  const order = {
    id: `${policy.name}-prepare-${version}`,
    boot: node.report?.boot ?? "",
    do: "prepare" as const,
    version,
    until: new Date(now.getTime() + prepareMs),
    by: policy.name,
  };
  return nodeWrite(node, { order }, "Prepare", `to prepare ${version}`);
}

/** A download that takes longer is ordered again, and goes on from what it has. */
const prepareMs = 2 * 3_600_000;
