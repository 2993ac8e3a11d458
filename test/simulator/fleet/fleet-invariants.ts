/** What a fleet promises whatever happens, asked of each move of the model. */
import type { FleetNode } from "../../../cluster/roll-out/snapshot.ts";
import { budgetOf } from "../../../cluster/roll-out/survey.ts";
import type { FleetModel, FleetMove, FleetState } from "./fleet-model.ts";
import { oldVersion, type HostModel } from "./host-model.ts";

export type FleetViolation = { invariant: string; reason: string };

/** The promise that a move broke; `before` is the state that it led out of. */
export function violation(
  model: FleetModel,
  before: FleetState,
  { label, next }: FleetMove,
): FleetViolation | undefined {
  const policy = model.policy(next);
  const { claims } = policy.ledger;
  let away = 0;
  for (let slot = 0; slot < model.options.nodes; slot++) {
    const node = model.node(next, slot);
    const [was, hostWas] = [model.node(before, slot), model.host(before, slot)];
    if (node.cordon === "ours") away++;
    const claim = claims.find(({ uid }) => uid === `u${slot}`);
    if (node.marks.step !== "Idle" && claim?.token !== node.marks.claim) {
      return { invariant: "I6", reason: `n${slot} is ${node.marks.step} without the claim ${node.marks.claim}` };
    }
    if (label.startsWith("operator") && was.cordon === "another's" && node.cordon !== "another's") {
      return { invariant: "I4", reason: `the cordon of a person on n${slot} is taken away` };
    }
    if (label.startsWith("operator writes") && hostWas.leaving && was.cordon === "ours" && node.cordon !== "ours") {
      return { invariant: "I8", reason: `n${slot} is given back while its host shuts down` };
    }
    if (label.startsWith(`n${slot} reboots by order`)) {
      const fault = faultOfReboot(was, hostWas, claim?.token);
      if (fault !== undefined) return { invariant: fault.invariant, reason: `n${slot} ${fault.reason}` };
    }
  }
  const budget = budgetOf(policy.spec.maxUnavailable, model.options.nodes);
  if (away > budget)
    return { invariant: "I1", reason: `${away} nodes are cordoned by us, and the budget is ${budget}` };
  const wasHalted = model.policy(before).ledger;
  const isNew = claims.some(({ token }) => wasHalted.claims.every((each) => each.token !== token));
  if (wasHalted.halted !== undefined && isNew)
    return { invariant: "I5", reason: "claimed although the fleet is halted" };
  return undefined;
}

function faultOfReboot(node: FleetNode, host: HostModel, token: number | undefined): FleetViolation | undefined {
  const into = node.order?.version;
  if (node.cordon !== "ours" && node.cordon !== "another's")
    return { invariant: "I2", reason: "reboots and is not cordoned" };
  if (host.pods) return { invariant: "I2", reason: "reboots with pods on it" };
  if (token !== node.marks.claim) return { invariant: "I2", reason: "reboots without a claim" };
  if (node.marks.step !== "Rebooting") return { invariant: "I2", reason: `reboots while it is ${node.marks.step}` };
  if (host.version === into) return { invariant: "I3", reason: `reboots into ${into}, which it runs` };
  const goesBack = node.order?.do === "go-back";
  if (!goesBack && host.held) return { invariant: "I3", reason: `reboots into ${into} a second time` };
  return goesBack && into !== oldVersion ? { invariant: "I3", reason: `goes back to ${into}` } : undefined;
}
