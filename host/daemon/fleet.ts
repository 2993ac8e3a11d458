/** Whether this host obeys the operator of a fleet, and of which cluster, is what its settings say. */
import { firstOf } from "../../lib/first-of.ts";
import type { Order } from "../../api/fleet/order.ts";
import { nodeOf } from "../files/kubernetes/node.ts";
import { readBootId } from "../kept/kept-deadline.ts";
import { clusterConnection } from "../node/cluster-connection.ts";
import { type FleetHost, obeyFleet } from "../node/fleet-agent.ts";
import { nodeName } from "../node/node-ready.ts";
import { wishesOf } from "../update/fetch/host-mirror.ts";
import type { OpenHost } from "./open-host.ts";

/** By it, the user data of Bottlerocket hosts asks for updates by the cluster. Source: bottlerocket-update-operator. */
const brupopLabel = "bottlerocket.aws/updater-interface-version";

/** What of a host has to do with its fleet. */
export type FleetMember = Pick<OpenHost, "system" | "facts" | "updater"> & {
  datastore: Pick<OpenHost["datastore"], "version" | "changedSince">;
  currentSettings: Pick<OpenHost["currentSettings"], "settings">;
  audit: Pick<OpenHost["audit"], "obeyed">;
};

/** Anew for each version of the settings, until the signal aborts. */
export async function keepFleet(host: FleetMember, until: AbortSignal): Promise<never> {
  for (let known = host.datastore.version; ;) {
    const fleet = await fleetOf(host);
    const works = [async (raced: AbortSignal) => await host.datastore.changedSince(known, raced)];
    if (fleet !== undefined) works.push(async (raced) => await obeyFleet(fleet, raced));
    known = await firstOf(until, works);
  }
}

async function fleetOf({
  system,
  facts,
  currentSettings,
  updater,
  audit,
}: FleetMember): Promise<FleetHost | undefined> {
  const settings = currentSettings.settings();
  const node = nodeOf(settings, facts);
  if (node?.cluster === undefined) return undefined;
  const { kubernetes } = node;
  if (!kubernetes["updates-by-cluster"] && kubernetes["node-labels"][brupopLabel] === undefined) return undefined;
  const boot = await readBootId(system);
  if (boot === undefined) return undefined;
  const note = async ({ id, do: deed, version, by }: Order, outcome: string): Promise<void> =>
    await audit.obeyed({ id, do: deed, version, by, outcome });
  return {
    system,
    connection: clusterConnection(system, { ...node, cluster: node.cluster }, settings),
    nodeName: nodeName(settings),
    boot,
    running: { version: facts.versionId, variant: facts.variant.name, arch: facts.arch },
    seed: wishesOf(settings).seed,
    updater,
    note,
  };
}
