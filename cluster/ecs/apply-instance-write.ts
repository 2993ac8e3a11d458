/**
 * Does what the roll-out decided, at ECS.
 *
 * ECS has no compare-and-swap. So that one updater runs at a time is the scheduler's to see to (`sole-updater.ts`), and
 * an instance is looked at again right before it is drained. Each write is in an order in which it may end anywhere:
 * that an instance is to be drained by us is noted before it is drained, and kept until it serves again.
 */
import {
  type Attribute,
  DeleteAttributesCommand,
  PutAttributesCommand,
  UpdateContainerInstancesStateCommand,
} from "@aws-sdk/client-ecs";
import { Failure, unreachable } from "../../lib/failure.ts";
import type { FleetLedger } from "../policy/fleet-policy.ts";
import type { Write } from "../roll-out/write.ts";
import { type ClusterAccess, describedInstances } from "./cluster-access.ts";
import { cordonOf, type FleetInstance } from "./fleet-instance.ts";
import { attributesOf, type InstanceMarks } from "./instance-marks.ts";
import { stopTask } from "./instance-tasks.ts";
import { writeHalt } from "./roll-out-halt.ts";

export type EcsFleet = {
  access: ClusterAccess;
  /** The cluster's name. */
  name: string;
  /** By ARN, as they were read. */
  instances: ReadonlyMap<string, FleetInstance>;
  ledger: FleetLedger;
};

/** False when it does not hold any more: it is judged anew. */
export async function applyInstanceWrite(fleet: EcsFleet, write: Write, signal: AbortSignal): Promise<boolean> {
  switch (write.kind) {
    case "node":
      return await changeInstance(fleet, write, signal);
    case "ledger":
      await changeLedger(fleet, write.ledger, signal);
      return true;
    case "evict":
      await stopTask(fleet.access, write.pod.uid, "its instance is drained for an update", signal);
      return true;
    case "finalizer":
      return true; // the policy of a cluster has no object that could be deleted
    default:
      return unreachable(write);
  }
}

async function changeInstance(
  { access, instances }: EcsFleet,
  { node, change }: Extract<Write, { kind: "node" }>,
  signal: AbortSignal,
): Promise<boolean> {
  const own = instances.get(node.uid)?.own;
  const [fresh] = await describedInstances(access, [node.uid], signal);
  if (own === undefined || fresh === undefined) return false;
  const { cordon, order } = change;
  const next: InstanceMarks = {
    marks: { ...own.marks, ...change.marks },
    drained: cordon ?? own.drained,
    claim: own.claim,
    order: order === undefined ? own.order : order === null ? undefined : { order, accepted: false },
  };
  if (cordon === true && fresh.status !== "ACTIVE") return false;
  if (cordon === false && cordonOf(fresh, own) === "ours") await setState(access, node.uid, "ACTIVE", signal);
  await writeMarks(access, node.uid, own, next, signal);
  if (cordon === true) await setState(access, node.uid, "DRAINING", signal);
  return true;
}

async function changeLedger({ access, name, instances, ledger }: EcsFleet, next: FleetLedger, signal: AbortSignal) {
  if (next.halted?.id !== ledger.halted?.id) await writeHalt(access.ssm, name, next.halted, signal);
  const claims = new Map(next.claims.map((claim) => [claim.uid, claim]));
  for (const [uid, { own }] of instances) {
    const claim = claims.get(uid);
    if (claim?.token !== own.claim?.token) await writeMarks(access, uid, own, { ...own, claim }, signal);
  }
}

async function setState(
  { ecs, cluster }: ClusterAccess,
  arn: string,
  status: "ACTIVE" | "DRAINING",
  signal: AbortSignal,
) {
  const { failures = [] } = await ecs.send(
    new UpdateContainerInstancesStateCommand({ cluster, containerInstances: [arn], status }),
    { abortSignal: signal },
  );
  const [failure] = failures;
  if (failure !== undefined) {
    throw new Failure("ecs-refused", `cannot make ${arn} ${status}: ${failure.reason ?? "ECS tells no reason"}`);
  }
}

/** Only what differs, so that no other write of the same pass is undone. */
export async function writeMarks(
  { ecs, cluster }: ClusterAccess,
  arn: string,
  before: InstanceMarks,
  after: InstanceMarks,
  signal: AbortSignal,
): Promise<void> {
  const old = attributesOf(before);
  const target = { targetType: "container-instance" as const, targetId: arn.slice(arn.lastIndexOf("/") + 1) };
  const changed = [...attributesOf(after)].filter(([name, value]) => old.get(name) !== value);
  const put = changed.flatMap(([name, value]): Attribute[] =>
    value === undefined ? [] : [{ name, value, ...target }],
  );
  const removed = changed.flatMap(([name, value]): Attribute[] => (value === undefined ? [{ name, ...target }] : []));
  if (put.length > 0) {
    await ecs.send(new PutAttributesCommand({ cluster, attributes: put }), { abortSignal: signal });
  }
  if (removed.length > 0) {
    await ecs.send(new DeleteAttributesCommand({ cluster, attributes: removed }), { abortSignal: signal });
  }
}
