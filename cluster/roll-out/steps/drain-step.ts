/** A node that is drained: its pods leave by eviction, its volumes are detached, and its host is ordered to reboot. */
import { mayStay, type NodePod } from "../../../api/fleet/node-pods.ts";
import { giveBack, giveUp, nodeWrite } from "./change.ts";
import { nothing, write, type StepResult } from "./failure.ts";
import type { Drain, FleetNode } from "../snapshot.ts";
import type { Survey } from "../survey.ts";
import { length, sentence, type Wait } from "../wait.ts";
import type { Write } from "../write.ts";

export function drain(survey: Survey, node: FleetNode): StepResult {
  const reason = whyToStop(survey, node);
  if (reason !== undefined) return write(giveBack(node, reason));
  const { snapshot, now } = survey;
  const wait = drainWait(survey, node);
  if (now >= deadline(survey, node)) {
    const after = length(snapshot.policy.spec.drain.timeout);
    return write(
      giveUp(
        survey,
        node,
        "drains",
        `not drained after ${after}: it ${wait === undefined ? "was late" : sentence(wait)}`,
      ),
    );
  }
  const known = snapshot.drains.get(node.name);
  if (wait === undefined) return write(orderReboot(survey, node));
  if (wait.cause !== "pods" || known === undefined) return nothing;
  return { writes: evictions(node, known, now) };
}

function deadline({ snapshot, now }: Survey, { marks }: FleetNode): Date {
  return new Date((marks.since ?? now).getTime() + snapshot.policy.spec.drain.timeout);
}

/** What a drain waits for; undefined when nothing but the reboot is left. */
export function drainWait(survey: Survey, node: FleetNode): Wait | undefined {
  const { snapshot, now } = survey;
  const { loadBalancer, drain: rules } = snapshot.policy.spec;
  const until = deadline(survey, node);
  const excludedUntil = new Date((node.marks.since ?? now).getTime() + loadBalancer.wait);
  if (node.marks.excluded && now < excludedUntil) return { cause: "load-balancer", until: excludedUntil };
  const known = snapshot.drains.get(node.name);
  if (known === undefined)
    return { cause: "pods", count: 0, example: "nothing is known of them yet", refusal: undefined, until };
  const left = known.pods.filter((pod) => !mayStay(pod));
  if (left.length > 0) return podsWait(left, known, until, now);
  if (rules.volumes === "wait" && known.volumes.length > 0) return { cause: "volumes", volumes: known.volumes, until };
  return undefined;
}

/** How long past its grace a pod that was deleted is waited for without a word. */
const terminatingMs = 60_000;

/** Tells of a pod whose eviction was refused, or which does not end, before any other. */
function podsWait(left: readonly NodePod[], known: Drain, until: Date, now: Date): Wait {
  const refused = left.find((pod) => known.evictions.get(pod.uid)?.kind === "refused");
  const stuck = left.find(
    ({ deletedAt }) => deletedAt !== undefined && now.getTime() - deletedAt.getTime() > terminatingMs,
  );
  const pod = refused ?? stuck ?? left[0];
  const answer = pod === undefined ? undefined : known.evictions.get(pod.uid);
  const refusal =
    answer?.kind === "refused"
      ? answer.reason
      : pod === stuck && stuck !== undefined
        ? "it does not end, past its grace"
        : undefined;
  return {
    cause: "pods",
    count: left.length,
    example: pod === undefined ? "" : `${pod.namespace}/${pod.name}`,
    refusal,
    until,
  };
}

/** The work itself has become wrong, whatever the deadline. */
function whyToStop(survey: Survey, node: FleetNode): string | undefined {
  const { barrier, snapshot } = survey;
  const { marks, report } = node;
  const goesBack = marks.aim?.do === "go-back";
  // What has begun is finished while the policy is paused; a node that is to be saved from a bad version is while halted.
  const ends = barrier !== undefined && barrier.cause !== "paused" && !(goesBack && barrier.cause === "halted");
  if (ends) return barrier.cause === "deleting" ? "the policy is being deleted" : `it ${sentence(barrier)}`;
  if (node.leaving) return "it is being deleted, or an autoscaler takes it away";
  if (!node.selected) return "the policy selects it no longer";
  if (node.cordon !== "ours") return "somebody has uncordoned it";
  if (!node.ready) return "it is not ready";
  if (marks.aim === undefined || report === undefined) return "nobody knows what it was drained for";
  const { version, from } = marks.aim;
  const reachable = goesBack ? report.fallback === version : report.staged === version;
  if (report.onTrial || report.version !== from || !reachable) return `its host is no longer ready for ${version}`;
  const { forbid, pin } = snapshot.policy.spec.versions;
  if (!goesBack && (forbid.includes(version) || (pin !== undefined && pin !== version)))
    return `the policy no longer allows ${version}`;
  return undefined;
}

/** Each pod that may be asked now; of those with one owner, one after the other. */
function evictions(node: FleetNode, { pods, evictions: answers }: Drain, now: Date): Write[] {
  const busy = new Set<string>();
  const asks: Write[] = [];
  for (const pod of pods) {
    if (mayStay(pod) || pod.owner === undefined) continue;
    if (pod.deletedAt !== undefined || answers.get(pod.uid)?.kind === "accepted") busy.add(pod.owner.uid);
  }
  for (const pod of pods) {
    if (mayStay(pod) || pod.deletedAt !== undefined) continue;
    const answer = answers.get(pod.uid);
    if (answer?.kind === "accepted" || (answer !== undefined && answer.retryAt > now)) continue;
    if (pod.owner !== undefined && busy.has(pod.owner.uid)) continue;
    if (pod.owner !== undefined) busy.add(pod.owner.uid);
    asks.push({ kind: "evict", node, pod });
  }
  return asks;
}

/** For the boot that the host reports, and nothing else: a host that has rebooted since ignores it. */
function orderReboot({ snapshot, now }: Survey, node: FleetNode): Write {
  const { policy } = snapshot;
  const { aim, claim } = node.marks;
  const version = aim?.version ?? "";
  const order = {
    id: `${policy.name}-${claim}-${node.report?.boot ?? ""}`,
    boot: node.report?.boot ?? "",
    do: aim?.do ?? ("reboot-into" as const),
    version,
    until: new Date(now.getTime() + policy.spec.reboot.timeout),
    by: policy.name,
    claim,
  };
  return nodeWrite(
    node,
    { order, marks: { step: "Rebooting", since: now } },
    "Rebooting",
    `drained, to reboot into ${version}`,
  );
}
