/**
 * What is to be done for a fleet now: the whole operator, as a function.
 *
 * It knows nothing but the snapshot, so a crash at any point is a new snapshot. Safety does not rest on there being one
 * operator: a claim is made by compare-and-swap on the policy, a step by compare-and-swap on the Node, a reboot by
 * compare-and-swap of the host on its Node, and a claim's token keeps the three in step. Each way out of a step is one
 * write, which also gives the node back.
 */
import type { Candidate } from "./claim-queue.ts";
import { giveBack } from "./steps/change.ts";
import { drain } from "./steps/drain-step.ts";
import { nothing, write, type StepResult } from "./steps/failure.ts";
import { hasLostClaim, ledgerWrite } from "./ledger.ts";
import { reboot } from "./steps/reboot-step.ts";
import { prepare, rest } from "./steps/rest-step.ts";
import { soak } from "./steps/soak-step.ts";
import type { FleetNode, Snapshot } from "./snapshot.ts";
import { survey, type Survey } from "./survey.ts";
import { isWait, readyFor } from "./wanted.ts";
import type { Write } from "./write.ts";

export function decide(snapshot: Snapshot, now: Date): Write[] {
  const { policy } = snapshot;
  if (!policy.finalizer && !policy.deleting) return [{ kind: "finalizer", present: true }];
  const seen = survey(snapshot, now);
  const results = seen.active.map((node) => step(seen, node));
  const writes = results.flatMap((result) => result.writes);
  const touched = new Set(writes.flatMap((each) => (each.kind === "node" ? [each.node] : [])));
  const { candidates, preparations } = beginners(seen, touched);
  const halt = results.find((result) => result.halt !== undefined)?.halt;
  const ledger = ledgerWrite(seen, halt, candidates);
  if (ledger !== undefined) writes.unshift(ledger);
  writes.push(...preparations);
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

/** Nodes at rest that may be claimed, and orders to prepare those that are not ready to be. */
function beginners(seen: Survey, touched: ReadonlySet<FleetNode>): { candidates: Candidate[]; preparations: Write[] } {
  const { snapshot, now, claims } = seen;
  const candidates: Candidate[] = [];
  const preparations: Write[] = [];
  if (seen.barrier !== undefined) return { candidates, preparations };
  let downloads = snapshot.policy.spec.maxPreparing - seen.preparing;
  const places = seen.budget - claims.size - seen.away.count;
  if (downloads <= 0 && places <= 0) return { candidates, preparations };
  for (const node of snapshot.nodes) {
    if (node.report === undefined || node.report.offers.length === 0) continue;
    if (node.marks.step !== "Idle" || claims.has(node.uid) || touched.has(node)) continue;
    const wanted = readyFor(node, snapshot.policy.spec, now);
    if (!isWait(wanted)) candidates.push({ node, version: wanted.version });
    else if (wanted.cause === "prepare" && downloads > 0) {
      const order = prepare(seen, node, wanted.version);
      if (order !== undefined) preparations.push(order);
      downloads--;
    }
  }
  return { candidates, preparations };
}

/** Nothing of this policy is left on any node. */
function isClean({ snapshot, active }: Survey): boolean {
  return snapshot.policy.ledger.claims.length === 0 && active.length === 0;
}
