/**
 * What is to be done for a fleet now: the whole operator, as a function.
 *
 * It knows nothing but the snapshot, so a crash at any point is a new snapshot. Safety does not rest on there being one
 * operator: a claim is made by compare-and-swap on the policy, a step by compare-and-swap on the Node, a reboot by
 * compare-and-swap of the host on its Node, and a claim's token keeps the three in step. Each way out of a step is one
 * write, which also gives the node back.
 */
import { giveBack } from "./steps/change.ts";
import { drain } from "./steps/drain-step.ts";
import { nothing, write, type StepResult } from "./steps/failure.ts";
import { hasLostClaim, ledgerWrite } from "./ledger.ts";
import { reboot } from "./steps/reboot-step.ts";
import { prepare, rest } from "./steps/rest-step.ts";
import { soak } from "./steps/soak-step.ts";
import type { FleetNode, Snapshot } from "./snapshot.ts";
import { Roster } from "./roster.ts";
import { survey, type Survey } from "./survey.ts";
import type { Write } from "./write.ts";

/** @param roster of the snapshot's nodes, for who keeps one up to date */
export function decide(snapshot: Snapshot, now: Date, roster = new Roster(snapshot.nodes, snapshot.self)): Write[] {
  const { policy } = snapshot;
  if (!policy.finalizer && !policy.deleting) return [{ kind: "finalizer", present: true }];
  const seen = survey(snapshot, now, roster);
  const results = seen.active.map((node) => step(seen, node));
  const writes = results.flatMap((result) => result.writes);
  const touched = new Set(writes.flatMap((each) => (each.kind === "node" ? [each.node] : [])));
  const halt = results.find((result) => result.halt !== undefined)?.halt;
  const ledger = ledgerWrite(seen, halt, touched);
  if (ledger !== undefined) writes.unshift(ledger);
  writes.push(...preparations(seen, touched));
  if (policy.deleting && policy.finalizer && writes.length === 0 && isClean(seen)) {
    writes.push({ kind: "finalizer", present: false });
  }
  return writes;
}

function step(seen: Survey, node: FleetNode): StepResult {
  const { step: current, policy } = node.marks;
  if (current === "Idle") return rest(seen, node, seen.claims.get(node.uid));
  // Another policy's work, from before the nodes were shared out anew, is that policy's to end.
  if (policy !== undefined && policy !== seen.snapshot.policy.uid) return nothing;
  if (current === "Draining") {
    return hasLostClaim(seen, node) ? write(giveBack(node, "its claim is gone")) : drain(seen, node);
  }
  return current === "Rebooting" ? reboot(seen, node) : soak(seen, node);
}

/** Orders to download ahead, as many as may at once. */
function preparations({ snapshot, roster, now, barrier, claims }: Survey, touched: ReadonlySet<FleetNode>): Write[] {
  const orders: Write[] = [];
  let places = snapshot.policy.spec.maxPreparing - roster.preparing;
  if (barrier !== undefined || places <= 0) return orders;
  for (const { node, version } of roster.unprepared(snapshot.policy.spec, now)) {
    if (places <= 0) break;
    if (claims.has(node.uid) || touched.has(node)) continue;
    orders.push(prepare(snapshot, node, version, now));
    places--;
  }
  return orders;
}

/** Nothing of this policy is left on any node. */
function isClean({ snapshot, active }: Survey): boolean {
  return snapshot.policy.ledger.claims.length === 0 && active.length === 0;
}
