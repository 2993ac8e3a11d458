/** Marks as they stand on a Node: labels and annotations, and the patch that changes them. */
import { annotations, labels } from "../../api/fleet/annotations.ts";
import { noted } from "../../kubernetes/annotation.ts";
import { Aim, Failed, NodeStep, Tries, type Marks } from "./snapshot.ts";
import type { NodeChange } from "./write.ts";

type Texts = Readonly<Record<string, string | undefined>>;

export const noMarks: Marks = {
  step: "Idle",
  claim: 0,
  over: 0,
  since: undefined,
  policy: undefined,
  aim: undefined,
  excluded: false,
  failed: undefined,
  tries: undefined,
};

/** What a person wrote there by hand and nobody can read counts as absent. */
export function marksOf(nodeLabels: Texts, nodeAnnotations: Texts): Marks {
  const step = NodeStep.safeParse(nodeLabels[labels.step]).data ?? "Idle";
  const since = new Date(nodeAnnotations[annotations.since] ?? "");
  return {
    step,
    claim: token(nodeAnnotations[annotations.claim]),
    over: token(nodeAnnotations[annotations.over]),
    since: Number.isNaN(since.getTime()) ? undefined : since,
    policy: nodeAnnotations[annotations.policy],
    aim: noted(Aim, nodeAnnotations[annotations.aim]),
    excluded: nodeAnnotations[annotations.excluded] === "ours",
    failed: noted(Failed, nodeAnnotations[annotations.failed]),
    tries: noted(Tries, nodeAnnotations[annotations.tries]),
  };
}

function token(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

export type NodePatch = {
  metadata: { labels: Record<string, string | null>; annotations: Record<string, string | null> };
  spec?: { unschedulable: boolean | null };
};

/** A merge patch (RFC 7396) of a Node for all of a change but its taint, which needs the list of taints. */
export function patchOf({ marks = {}, cordon, order, offLoadBalancers }: NodeChange): NodePatch {
  const patch: NodePatch = { metadata: { labels: {}, annotations: {} } };
  const note = patch.metadata.annotations;
  const text = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
  if (marks.step !== undefined) patch.metadata.labels[labels.step] = marks.step === "Idle" ? null : marks.step;
  if (marks.claim !== undefined) note[annotations.claim] = String(marks.claim);
  if (marks.over !== undefined) note[annotations.over] = String(marks.over);
  if ("since" in marks) note[annotations.since] = marks.since?.toISOString() ?? null;
  if ("policy" in marks) note[annotations.policy] = marks.policy ?? null;
  if ("aim" in marks) note[annotations.aim] = text(marks.aim);
  if (marks.excluded !== undefined) note[annotations.excluded] = marks.excluded ? "ours" : null;
  if ("failed" in marks) note[annotations.failed] = text(marks.failed);
  if ("tries" in marks) note[annotations.tries] = text(marks.tries);
  if (order !== undefined) note[annotations.order] = order === null ? null : JSON.stringify(order);
  if (offLoadBalancers !== undefined) {
    patch.metadata.labels[labels.excludeFromLoadBalancers] = offLoadBalancers ? "true" : null;
  }
  if (cordon !== undefined) {
    note[annotations.cordoned] = cordon ? "ours" : null;
    // A step begins with it.
    note[annotations.cordonedAt] = cordon ? (marks.since?.toISOString() ?? null) : null;
    patch.spec = { unschedulable: cordon ? true : null };
  }
  return patch;
}
