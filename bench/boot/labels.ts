/**
 * What the policy of SELinux costs: a boot of the `dev` image as it is, and one of the same image whose kernel is told to do
 * without. What is not labelled there is labelled here when it is made.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { builtImage } from "../../cli/built-image.ts";
import { buildDirectory } from "../../cli/context.ts";
import { say } from "../../lib/progress.ts";
import { version } from "../../package.json";
import { bootOurs, ourMachine, size, type OurBoot } from "./our-boot.ts";
import { computer, median, type BenchReport } from "../report.ts";
import { imageWithoutPolicy } from "./without-policy.ts";

const rounds = 3;

export async function benchLabels(signal: AbortSignal): Promise<BenchReport> {
  const directory = join(buildDirectory, "bench-labels");
  const output = join(buildDirectory, "bench-without-policy");
  try {
    const { image } = await builtImage({ variant: "dev", architecture: "x86_64" }, signal);
    const { image: peer } = await imageWithoutPolicy({ output, osVersion: version }, signal);
    const [ours, theirs]: [OurBoot[], OurBoot[]] = [[], []];
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      ours.push((await bootOurs(await ourMachine(image, directory), signal)).boot);
      theirs.push((await bootOurs(await ourMachine(peer, directory), signal)).boot);
    }
    return report(ours, theirs);
  } finally {
    for (const path of [directory, output]) await rm(path, { recursive: true, force: true });
  }
}

function report(ours: readonly OurBoot[], theirs: readonly OurBoot[]): BenchReport {
  const row = (key: keyof OurBoot) => ({
    ours: median(ours.map((boot) => boot[key])),
    peer: median(theirs.map((boot) => boot[key])),
  });
  return {
    benchmark: "labels",
    ours: "the dev image, which enforces its policy",
    peer: "the same image with selinux=0",
    figures: [
      { name: "kernel to init of the real root", unit: "seconds", ...row("userspace") },
      { name: "kernel to configured.target", unit: "seconds", ...row("configured") },
      { name: "kernel to multi-user.target", unit: "seconds", ...row("multiUser") },
      { name: "the kernel's own objects", unit: "bytes", ...row("slabBytes") },
    ],
    notes: [
      `medians of ${rounds} boots each, in turns; first boots, so the data partition is made and labelled`,
      "the kernel's own objects: Slab of /proc/meminfo once the boot has ended",
      `QEMU without KVM, ${size.cpus} processors, ${size.memoryMiB} MiB`,
    ],
    computer: computer(),
  };
}
