/** The kernel and initrd that this host runs, from the signed image of its active set. */
import { join } from "node:path";
import { hostPath, type System } from "../../machine/system.ts";
import { kernelPath } from "./boot-entry.ts";
import { findPartitions } from "./partitions.ts";
import { espPath } from "./sets.ts";
import { contentOf, type ReadInto } from "./unified-image.ts";

export type RunningKernel = {
  /** One after the other: each is as large as a kernel. @throws {Failure<"bad-unified-image">} */
  kernel(): Promise<Buffer>;
  initrd(): Promise<Buffer>;
};

/** @throws {Failure<"no-partition-sets">} when this host does not run from one of two sets */
export async function runningKernel(system: System): Promise<RunningKernel> {
  const { active } = await findPartitions(system);
  const image = hostPath(system, join(espPath, kernelPath(active)));
  const read: ReadInto = async (offset, into) => await system.storage.readInto(image, offset, into);
  return {
    kernel: async () => await contentOf(read, ".linux"),
    initrd: async () => await contentOf(read, ".initrd"),
  };
}
