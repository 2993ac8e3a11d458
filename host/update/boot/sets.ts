/** The two partition sets of this host as the updater uses them: where to write, and which one boots. */
import { join } from "node:path";
import { Failure, isFailure } from "../../../lib/failure.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { bootLoaderTwice } from "./boot-again.ts";
import { kernelPath, otherSet, type SetName } from "./boot-entry.ts";
import { findPartitions, type Partition } from "./partitions.ts";
import { Signpost, type Standings } from "./signpost.ts";
import { forgetTerms, keepTerms, type NewTerms } from "../judge/terms.ts";
import { forgetReason } from "../judge/went-back.ts";

/** Where the EFI system partition is mounted. */
export const espPath = "/efi";

/** What of the two sets the updater works with: which one boots, and where the other one is written. */
export type PartitionSets = {
  /** Without what makes the inactive set boot next: `bootInactiveNext` does that, with what belongs to it. */
  signpost: Omit<Signpost, "upgradeToInactive">;
  inactive: { set: SetName; root: Partition; hash: Partition; kernel: string };
};

/** Undefined on a host that does not run from one of two sets: it can look for updates, not take them. */
export async function findSets(system: System): Promise<PartitionSets | undefined> {
  try {
    return await requireSets(system);
  } catch (error) {
    if (isFailure(error, "no-partition-sets")) return undefined;
    throw error;
  }
}

/** @throws {Failure<"no-partition-sets">} */
export async function requireSets(system: System): Promise<PartitionSets> {
  return await wholeSets(system);
}

async function wholeSets(system: System): Promise<PartitionSets & { signpost: Signpost }> {
  const { active, sets } = await findPartitions(system);
  const set = otherSet(active);
  const esp = hostPath(system, espPath);
  const { root, hash } = sets[set];
  const device = ({ path, bytes }: Partition): Partition => ({ path: hostPath(system, path), bytes });
  return {
    signpost: new Signpost(system.storage, esp, active),
    inactive: { set, root: device(root), hash: device(hash), kernel: join(esp, kernelPath(set)) },
  };
}

/** Whether the running version has proved healthy since it was installed; one that is not in a set has nothing to prove. */
export function isProved(standings: Standings | undefined): boolean {
  return standings === undefined || standings.entries[standings.active]?.standing.kind === "successful";
}

/**
 * The inactive set is all there is to return to until the running one has proved healthy.
 *
 * @throws {Failure<"update-on-trial">}
 */
export function assertProved(standings: Standings): void {
  if (isProved(standings)) return;
  throw new Failure("update-on-trial", "cannot write an update: the running version has not proved healthy yet", {
    hint: "the other set is what this host would go back to; `apiclient update wait` ends when it has",
  });
}

/**
 * The inactive set, written and verified, boots next, on trial.
 *
 * @param terms of the trial; undefined when nobody knows how this host does, and everything is to hold
 * @throws as `Signpost.upgradeToInactive`
 */
export async function bootInactiveNext(system: System, terms: NewTerms | undefined): Promise<void> {
  const { signpost, inactive } = await wholeSets(system);
  try {
    await bootLoaderTwice(system);
  } catch (error) {
    system.log.error(
      "update: cannot have the boot loader started twice; a kernel that is refused stops the host",
      error,
    );
  }
  await forgetReason(system);
  const version = (await signpost.read()).entries[inactive.set]?.version;
  if (terms === undefined || version === undefined) await forgetTerms(system);
  else await keepTerms(system, version, terms);
  await signpost.upgradeToInactive();
}

/**
 * A reboot that somebody asked for is no sign of a bad update: while the running version is on trial it gets the try
 * back that this boot has taken.
 */
export async function keepTryForPlannedReboot(system: System): Promise<void> {
  try {
    await (await findSets(system))?.signpost.returnTry();
  } catch (error) {
    system.log.error("update: cannot keep the running version's try; this host may go back to the other one", error);
  }
}
