/** A node that did not come back well: first the whole roll-out halts, then the node is dealt with. */
import type { FleetNode } from "../snapshot.ts";
import { atRest, isBackAndWell, nodeWrite } from "./change.ts";
import type { Survey } from "../survey.ts";
import type { NodeChange, Write } from "../write.ts";

/** What a step leads to: writes to the node, and a halt. */
export type StepResult = { writes: Write[]; halt?: { node: string; version: string; reason: string } };

export const nothing: StepResult = { writes: [] };
export const write = (...writes: Write[]): StepResult => ({ writes });

/** @param then the node's change once the roll-out is halted; at rest and left as it is unless given */
export function failed(survey: Survey, node: FleetNode, reason: string, then?: NodeChange): StepResult {
  const version = brokenVersion(node);
  if (survey.snapshot.policy.ledger.halted === undefined) {
    return { writes: [], halt: { node: node.name, version, reason } };
  }
  const mark = { failed: { version, reason, at: survey.now }, tries: undefined };
  if (then !== undefined) {
    const change = { ...then, marks: { ...then.marks, ...mark } };
    return write(nodeWrite(node, change, "RollingBack", `${version} failed here, goes back: ${reason}`));
  }
  const { cordon, ...rest } = atRest(node);
  const change = { ...rest, ...(cordon !== undefined && isBackAndWell(node) ? { cordon } : {}) };
  return write(
    nodeWrite(node, { ...change, marks: { ...change.marks, ...mark } }, "Failed", `${version} failed here: ${reason}`),
  );
}

/** The version that is to blame: the one that was to be reached, or the one that was to be left. */
function brokenVersion({ marks, report }: FleetNode): string {
  const { aim } = marks;
  if (aim === undefined) return report?.version ?? "";
  return aim.do === "go-back" ? aim.from : aim.version;
}
