/** The set that runs: what patches are made from. */
import { join } from "node:path";
import { isFailure, isNotFound } from "../../../lib/failure.ts";
import type { UpdatePart } from "../../../repo/manifest.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { kernelPath } from "./boot-entry.ts";
import { findPartitions } from "./partitions.ts";
import { espPath } from "./sets.ts";
import { promisedBy } from "./unified-image.ts";

/** Where each of its files is, and how many bytes may be read of it. */
export type RunningParts = Record<UpdatePart, { path: string; bytes: number }>;

export type RunningSet = {
  /** What its kernel says; whether that is so, nothing depends on but that patches fit. */
  rootHash: string;
  parts: RunningParts;
};

/** Undefined when this host does not run from one of two sets, or when the kernel of its set is not understood. */
export async function runningSet(system: System): Promise<RunningSet | undefined> {
  const { storage } = system;
  try {
    const { active, sets } = await findPartitions(system);
    const kernel = join(hostPath(system, espPath), kernelPath(active));
    const { rootHash } = await promisedBy(async (offset, into) => await storage.readInto(kernel, offset, into));
    const { root, hash } = sets[active];
    const part = ({ path, bytes }: RunningParts["root"]): RunningParts["root"] => ({
      path: hostPath(system, path),
      bytes,
    });
    return {
      rootHash,
      parts: { boot: { path: kernel, bytes: await storage.size(kernel) }, root: part(root), hash: part(hash) },
    };
  } catch (error) {
    if (isFailure(error, "no-partition-sets", "bad-program") || isNotFound(error)) return undefined;
    throw error;
  }
}
