/** A container instance as the roll-out knows nodes. */
import type { ContainerInstance } from "@aws-sdk/client-ecs";
import type { FleetNode, KnownHost } from "../roll-out/snapshot.ts";
import type { FleetPolicySpec } from "../policy/fleet-policy.ts";
import { type Attributes, type InstanceMarks, readMarks } from "./instance-marks.ts";
import type { HostKnowledge } from "./hosts.ts";

/** Hosts register with it (`settings.ecs`), with the name of their variant; all others are no business of ours. */
export const instanceFilter = "attribute:orlop.variant exists";

export type FleetInstance = { node: FleetNode; own: InstanceMarks };

export const arnOf = ({ containerInstanceArn = "" }: ContainerInstance): string => containerInstanceArn;

function attributesOf({ attributes = [] }: ContainerInstance): Attributes {
  return new Map(attributes.map(({ name = "", value = "" }) => [name, value]));
}

/** DRAINING is ours only where our attribute says so. */
export function cordonOf({ status }: ContainerInstance, { drained }: InstanceMarks): FleetNode["cordon"] {
  if (status !== "DRAINING") return "none";
  return drained ? "ours" : "another's";
}

/**
 * @param readySince when this process saw first that it is ready or not: ECS does not tell
 * @param hold keeps it from being begun with, such as tasks that are to be left alone
 */
export function fleetInstance(
  instance: ContainerInstance,
  spec: FleetPolicySpec,
  { known, readySince, isHeld }: { known: HostKnowledge | undefined; readySince: Date; isHeld: boolean },
): FleetInstance {
  const attributes = attributesOf(instance);
  const own = readMarks(attributes);
  const { marks, order } = own;
  const report = known?.report ?? notedReport(own);
  const accepted = order?.accepted === true ? order.order.id : undefined;
  const refused =
    known?.refusal === undefined || known.refusal.order !== order?.order.id ? undefined : { ...known.refusal };
  const node: FleetNode = {
    name: instance.ec2InstanceId ?? arnOf(instance),
    uid: arnOf(instance),
    resourceVersion: "",
    createdAt: instance.registeredAt ?? readySince,
    zone: attributes.get("ecs.availability-zone") ?? "",
    selected: matches(spec.nodeSelector, attributes) && !(isHeld && marks.step === "Idle"),
    canary: matches(spec.order.canarySelector, attributes),
    ready: isReady(instance),
    readySince,
    kubeletBoot: known?.agentBoot ?? "",
    cordon: cordonOf(instance, own),
    leaving: instance.status === "DEREGISTERING",
    starting: false,
    offLoadBalancers: false,
    // What the host accepts holds for the boot of the order alone.
    report: report === undefined ? undefined : { ...report, accepted: acceptedIn(report.boot), refused },
    order: order?.order,
    marks,
  };
  return { node, own };

  function acceptedIn(boot: string): string | undefined {
    return boot === order?.order.boot ? accepted : undefined;
  }
}

/** Of a host that was told to reboot and has not answered since this process runs: what is noted of it. */
function notedReport({ order, marks: { aim } }: InstanceMarks): KnownHost | undefined {
  if (order?.accepted !== true || aim === undefined) return undefined;
  const { boot } = order.order;
  return { boot, version: aim.from, variant: "", arch: "", state: "Ready", offers: [], onTrial: false, held: [] };
}

export function isReady({ status, agentConnected }: ContainerInstance): boolean {
  return agentConnected === true && (status === "ACTIVE" || status === "DRAINING");
}

function matches(selector: Readonly<Record<string, string>>, attributes: Attributes): boolean {
  return Object.entries(selector).every(([name, value]) => attributes.get(name) === value);
}
