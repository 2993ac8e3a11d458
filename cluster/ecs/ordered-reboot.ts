/**
 * Carries an order out on a host that cannot see its own instance: looks for the update, applies it, reboots, by three
 * commands apart.
 *
 * What the host of a Kubernetes node does for itself (`host/node/obey.ts`) is done for it here: right before the reboot
 * the instance is looked at again, and the order is noted as accepted, from which on the instance is not given back
 * before it has booted. The reboot names the boot that it is for, so that it is never obeyed twice.
 */
import type { Order } from "../../api/fleet/order.ts";
import { awsErrorName, type ClusterAccess, describedInstances } from "./cluster-access.ts";
import { writeMarks } from "./apply-instance-write.ts";
import { cordonOf, fleetInstance, type FleetInstance } from "./fleet-instance.ts";
import type { Documents, Hosts } from "./hosts.ts";
import { idOf, isStandalone, tasksOn } from "./instance-tasks.ts";
import type { FleetPolicySpec } from "../policy/fleet-policy.ts";
import { versionToApply } from "./reported-host.ts";
import { type CommandRun, runCommand, sendCommand } from "./ssm-command.ts";

export type OrderedReboot = {
  access: ClusterAccess;
  run: CommandRun;
  documents: Documents;
  hosts: Hosts;
  spec: FleetPolicySpec;
};

/** Why it is not carried out now; undefined when the host has been told to reboot. */
export async function carryOut(
  { access, run, documents, hosts, spec }: OrderedReboot,
  { node, own }: FleetInstance,
  order: Order,
): Promise<string | undefined> {
  const id = node.name;
  if (own.order?.accepted !== true) {
    const update = await hosts.ask(id);
    if (update === undefined) return hosts.known.get(id)?.silence;
    const version = versionToApply(update);
    if (version !== order.version) return `its host would take ${version ?? "no update"} now, and not ${order.version}`;
    if (update.update_state !== "Ready") {
      const limitMs = order.until.getTime() - run.clock.now().getTime();
      const applied = await runCommand(run, id, { document: documents.apply, comment: `to ${version}` }, limitMs);
      if (!applied.ran) return applied.reason;
    }
    const reason = await accept();
    if (reason !== undefined) return reason;
  }
  await sendReboot(run, id, documents.reboot, order);
  return undefined;

  /** Looks again: somebody may have made the instance active meanwhile, and tasks may have come. */
  async function accept(): Promise<string | undefined> {
    const [instance] = await describedInstances(access, [node.uid], run.signal);
    if (instance === undefined) return "its instance is gone";
    const fresh = fleetInstance(instance, spec, { known: undefined, readySince: node.readySince, isHeld: false });
    if (cordonOf(instance, fresh.own) !== "ours") return "it is not drained by us any more";
    if (fresh.own.order?.order.id !== order.id) return "its order was taken away";
    if (run.clock.now() > order.until) return `its order is void since ${order.until.toISOString()}`;
    const left = (await tasksOn(access, node.uid, run.signal)).filter(isStandalone);
    const [first] = left;
    if (first !== undefined) return `${left.length} tasks are left, such as ${idOf(first)}`;
    const accepted = { ...fresh.own, order: { order: fresh.own.order.order, accepted: true } };
    await writeMarks(access, node.uid, fresh.own, accepted, run.signal);
    return undefined;
  }
}

/** A document that is not ours, such as that of Bottlerocket's updater, cannot be told which boot is to end. */
async function sendReboot(run: CommandRun, id: string, document: string, order: Order): Promise<void> {
  const command = { document, comment: `into ${order.version}` };
  try {
    await sendCommand(run, id, { ...command, parameters: { BootId: [order.boot] } });
  } catch (error) {
    if (awsErrorName(error) !== "InvalidParameters") throw error;
    await sendCommand(run, id, command);
  }
}
