/** The kernel and initrd that this host runs, from the signed image of its active set. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { efiSections, sectionIn } from "../../../lib/efi/efi-sections.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { kernelPath } from "./boot-entry.ts";
import { findPartitions } from "./partitions.ts";
import { espPath } from "./sets.ts";

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
 * @throws {Failure<"bad-program">}
 */
export async function runningKernel(system: System): Promise<RunningKernel> {
  const { active } = await findPartitions(system);
  const path = join(espPath, kernelPath(active));
  const image = await readFile(hostPath(system, path));
  const sections = efiSections(image, "the unified kernel image");
  const part = (name: ".linux" | ".initrd"): Buffer => sectionIn(sections, name, "the unified kernel image");
  return { path, image, kernel: part(".linux"), initrd: part(".initrd") };
}
