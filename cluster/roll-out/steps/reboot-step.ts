/** A node whose host was ordered to reboot: it obeys or not, comes back or not, with the version or without. */
import { atRest, giveBack, giveUp, isBackAndWell, nodeWrite } from "./change.ts";
import { failed, nothing, write, type StepResult } from "./failure.ts";
import type { FleetNode } from "../snapshot.ts";
import type { Survey } from "../survey.ts";
import { length, sentence, type Wait } from "../wait.ts";

/** So often a host may come back with the old version and without a word of why; the last time it counts as a failure. */
const mostSilentReturns = 2;

export function reboot(survey: Survey, node: FleetNode): StepResult {
  const { order, marks, report } = node;
  const { aim } = marks;
  if (order === undefined || aim === undefined) return write(giveBack(node, "its order was taken away"));
  if (report === undefined || report.boot === order.boot) {
    return report?.accepted === order.id ? away(survey, node) : notObeyed(survey, node);
  }
  if (report.version === aim.version) return arrived(survey, node);
  const held = report.held.find(({ version }) => version === aim.version);
  if (held !== undefined) return failed(survey, node, `went back to ${report.version}: ${held.reason}`);
  const before = marks.tries?.version === aim.version ? marks.tries.reboots : 0;
  const reason = `came back with ${report.version} instead of ${aim.version}, and tells no reason`;
  if (before + 1 >= mostSilentReturns) return failed(survey, node, reason);
  return write(giveUp(survey, node, "reboots", reason));
}

/** What the step waits for. */
export function rebootWait(survey: Survey, node: FleetNode): Wait {
  const { order, report, marks } = node;
  const until = deadline(survey, node);
  const version = marks.aim?.version ?? "";
  if (report === undefined || order === undefined || report.boot === order.boot) {
    if (order === undefined || report?.accepted === order.id) return { cause: "reboot", version, until };
    const reason = report?.refused?.order === order.id ? report.refused.reason : undefined;
    return { cause: "order", reason, until: order.until };
  }
  if (report.onTrial) return { cause: "proof", version: report.version, reason: "its host is at it", until };
  const reason = node.ready ? "kubelet has not reported since the reboot" : "the node is not ready";
  return { cause: "proof", version: report.version, reason, until };
}

function deadline({ snapshot, now }: Survey, { marks }: FleetNode): Date {
  return new Date((marks.since ?? now).getTime() + snapshot.policy.spec.reboot.timeout);
}

/** The host has agreed to reboot by compare-and-swap on the Node, so it can no longer be stopped, only be waited for. */
function away(survey: Survey, node: FleetNode): StepResult {
  if (survey.now < deadline(survey, node)) return nothing;
  return failed(
    survey,
    node,
    `has not come back ${length(survey.snapshot.policy.spec.reboot.timeout)} after its order`,
  );
}

function notObeyed(survey: Survey, node: FleetNode): StepResult {
  const { barrier, now } = survey;
  const { order, marks } = node;
  const goesBack = marks.aim?.do === "go-back";
  if (barrier !== undefined && barrier.cause !== "paused" && !(goesBack && barrier.cause === "halted")) {
    return write(giveBack(node, `it ${sentence(barrier)}`));
  }
  if (node.cordon !== "ours") return write(giveBack(node, "somebody has uncordoned it"));
  if (node.leaving) return write(giveBack(node, "it is being deleted, or an autoscaler takes it away"));
  if (order !== undefined && now < order.until) return nothing;
  return write(giveUp(survey, node, "drains", `${sentence(rebootWait(survey, node))}, and it has not`));
}

/** Kubelet's word counts from the same boot on. */
function arrived(survey: Survey, node: FleetNode): StepResult {
  const { now, snapshot } = survey;
  const { marks, report } = node;
  if (!isBackAndWell(node)) {
    if (now < deadline(survey, node)) return nothing;
    const after = length(snapshot.policy.spec.reboot.timeout);
    return failed(survey, node, `not well ${after} after its order: it ${sentence(rebootWait(survey, node))}`);
  }
  const change = atRest(node);
  if (marks.aim?.do === "go-back") {
    return write(nodeWrite(node, change, "Updated", `is back on ${report?.version}`));
  }
  const soaking = {
    ...change,
    marks: {
      ...change.marks,
      step: "Soaking" as const,
      since: now,
      over: marks.over,
      aim: marks.aim,
      policy: marks.policy,
    },
  };
  return write(nodeWrite(node, soaking, "Soaking", `proved ${report?.version}, and gets pods again`));
}
