/** The kernel and initrd that this host runs, from the signed image of its active set. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hostPath, type System } from "../../machine/system.ts";
import { kernelPath } from "./boot-entry.ts";
import { findPartitions } from "./partitions.ts";
import { espPath } from "./sets.ts";
import { contentOf, type ReadInto } from "./unified-image.ts";

export type RunningKernel = {
  path: string;
  /** The whole signed image, of which the others are parts. */
  image: Buffer;
  kernel: Buffer;
  initrd: Buffer;
};

/**
 * Read once: whoever writes the file meanwhile changes nothing of it.
 *
 * @throws {Failure<"no-partition-sets">} when this host does not run from one of two sets
 * @throws {Failure<"bad-unified-image">}
 */
export async function runningKernel(system: System): Promise<RunningKernel> {
  const { active } = await findPartitions(system);
  const path = join(espPath, kernelPath(active));
  const image = await readFile(hostPath(system, path));
  const read: ReadInto = async (offset, into) => image.copy(into, 0, offset);
  return { path, image, kernel: await contentOf(read, ".linux"), initrd: await contentOf(read, ".initrd") };
}
