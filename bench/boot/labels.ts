/**
 * What labels and the policy of SELinux cost: the `dev` image, which enforces it from the first process, and one of a
 * variant that differs from it in nothing but that its kernel has no SELinux.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtImage } from "../../cli/image/built-image.ts";
import { readVariantFile } from "../../cli/image/own-variant.ts";
import { buildDirectory } from "../../cli/context.ts";
import { computer, type BenchReport } from "../report.ts";
import { ourMachine } from "./our-boot.ts";
import { comparePair, pairNotes } from "./pair.ts";

const without = `name = "without-labels"
base = "dev"
kernel-parameters = ["lsm=lockdown,landlock,yama"]
`;

export async function benchLabels(signal: AbortSignal): Promise<BenchReport> {
  const directory = join(buildDirectory, "bench-labels");
  try {
    await mkdir(directory, { recursive: true });
    const file = join(directory, "without-labels.toml");
    await writeFile(file, without);
    const architecture = "x86_64";
    const labelled = await builtImage({ variant: "dev", architecture }, signal);
    const plain = await builtImage(
      { variant: await readVariantFile(file), architecture, golden: "write", output: directory },
      signal,
    );
    const machines = {
      ours: await ourMachine(labelled.image, join(directory, "with")),
      peer: await ourMachine(plain.image, join(directory, "without")),
    };
    return {
      benchmark: "labels",
      ours: "the dev image, which enforces its policy of SELinux",
      peer: "the same image but for its kernel, which has no SELinux",
      figures: await comparePair(machines, signal),
      notes: pairNotes,
      computer: computer(),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
