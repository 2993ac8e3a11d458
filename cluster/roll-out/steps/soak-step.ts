/** A node that serves again with the new version, and is watched for a while under its claim. */
import { atRest, nodeWrite } from "./change.ts";
import { failed, nothing, write, type StepResult } from "./failure.ts";
import type { FleetNode } from "../snapshot.ts";
import type { Survey } from "../survey.ts";
import { length, sentence, type Wait } from "../wait.ts";
import type { NodeChange } from "../write.ts";

export function soak(survey: Survey, node: FleetNode): StepResult {
  const { snapshot, now } = survey;
  const { policy } = snapshot;
  const { marks, report } = node;
  const { aim } = marks;
  if (aim === undefined)
    return write(nodeWrite(node, atRest(node), "Updated", "given back: nobody knows what it soaks for"));
  if (report !== undefined && report.version !== aim.version) {
    return failed(survey, node, `runs ${report.version} again while it soaked`);
  }
  const wait = soakWait(survey, node);
  if (wait === undefined || policy.deleting || node.leaving) {
    const change = atRest(node);
    const settled = { ...change, marks: { ...change.marks, tries: undefined, failed: undefined } };
    return write(nodeWrite(node, settled, "Updated", `runs ${aim.version}, and its soak is over`));
  }
  // Gates that hold may need longer than the time-out: an operator that was away has begun to ask anew.
  if (now < deadline(survey, node) || !fails(survey, node)) return nothing;
  const reason = `its soak failed after ${length(policy.spec.soak.timeout)}: it ${sentence(wait)}`;
  const goesBack = policy.spec.onSoakFailure === "rollback" && policy.stop === undefined;
  const mayGo = report?.fallback === aim.from && node.cordon === "none" && node.ready && !report.onTrial;
  return failed(survey, node, reason, goesBack && mayGo ? rollBack(survey, node) : undefined);
}

/** Undefined when it is over: all gates and the node itself have held long enough. */
export function soakWait(survey: Survey, node: FleetNode): Wait | undefined {
  const { snapshot, now } = survey;
  const { seconds, gates } = snapshot.policy.spec.soak;
  const until = deadline(survey, node);
  if (!node.ready) return { cause: "soak", reason: "the node is not ready", until };
  let heldSince = Math.max((node.marks.since ?? now).getTime(), node.readySince.getTime());
  const answers = snapshot.gates.get(node.name) ?? [];
  for (const { name } of gates) {
    const answer = answers.find(({ gate }) => gate === name);
    if (answer?.holds !== true) {
      return { cause: "soak", reason: `${name}: ${answer?.reason ?? "not asked yet"}`, until };
    }
    heldSince = Math.max(heldSince, answer.since.getTime());
  }
  const leftMs = heldSince + seconds * 1000 - now.getTime();
  return leftMs <= 0 ? undefined : { cause: "soak", reason: `all hold, for another ${length(leftMs)}`, until };
}

/** The node is not ready, or a gate was asked and does not hold. */
function fails({ snapshot }: Survey, node: FleetNode): boolean {
  const names = new Set(snapshot.policy.spec.soak.gates.map(({ name }) => name));
  const answers = snapshot.gates.get(node.name) ?? [];
  return !node.ready || answers.some(({ gate, holds }) => names.has(gate) && !holds);
}

/** However short a time-out somebody set, it leaves time for the soak itself. */
function deadline({ snapshot, now }: Survey, { marks }: FleetNode): Date {
  const { seconds, timeout } = snapshot.policy.spec.soak;
  return new Date((marks.since ?? now).getTime() + Math.max(timeout, seconds * 1000 + 60_000));
}

/** Under the same claim, and drained again. */
function rollBack({ snapshot, now }: Survey, node: FleetNode): NodeChange {
  const { aim } = node.marks;
  const excludes = snapshot.policy.spec.loadBalancer.exclude && !node.offLoadBalancers;
  return {
    cordon: true,
    ...(excludes ? { offLoadBalancers: true } : {}),
    marks: {
      step: "Draining",
      since: now,
      aim: { do: "go-back", version: aim?.from ?? "", from: aim?.version ?? "" },
      excluded: excludes || node.marks.excluded,
    },
  };
}
