/**
 * What partitions sealed to the TPM cost: the `dev` image on a machine whose user data asks for them, and on one whose does not.
 * Both have a TPM, which measures either way.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { builtImage } from "../../cli/image/built-image.ts";
import { buildDirectory } from "../../cli/context.ts";
import { say } from "../../lib/progress.ts";
import { computer, type BenchReport, type Figure } from "../report.ts";
import { bootFirst, bootOurs, ourMachine, size, type FirstBoot, type OurBoot } from "./our-boot.ts";
import { figuresOf } from "./pair.ts";

const rounds = 3;

type Measured = { first: FirstBoot; later: OurBoot[] };

export async function benchEncryption(signal: AbortSignal): Promise<BenchReport> {
  const directory = join(buildDirectory, "bench-encryption");
  try {
    const { image } = await builtImage({ variant: "dev", architecture: "x86_64" }, signal);
    const recipient = await identityToRecipient(await generateIdentity());
    const userData = `[settings.storage]\nencryption = "tpm2"\nrecovery-recipients = ["${recipient}"]\n`;
    const machines = {
      ours: await ourMachine(image, join(directory, "sealed"), { userData, tpm: true }),
      peer: await ourMachine(image, join(directory, "in-clear"), { tpm: true }),
    };
    const measured: Record<keyof typeof machines, Measured> = {
      ours: { first: await bootFirst(machines.ours, signal), later: [] },
      peer: { first: await bootFirst(machines.peer, signal), later: [] },
    };
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      for (const side of ["ours", "peer"] as const) {
        measured[side].later.push((await bootOurs(machines[side], signal)).boot);
      }
    }
    return report(measured);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function report({ ours, peer }: Record<"ours" | "peer", Measured>): BenchReport {
  const first = (name: string, key: keyof FirstBoot): Figure => ({
    name: `first boot, ${name}`,
    unit: "seconds",
    ours: ours.first[key],
    peer: peer.first[key],
  });
  return {
    benchmark: "encryption",
    ours: "the dev image with both partitions sealed to the TPM",
    peer: "the same image with partitions in clear, and a TPM as well",
    figures: [
      first("switched on to configured.target", "wall"),
      first("processor time of QEMU", "processor"),
      ...figuresOf(ours.later, peer.later, "later"),
    ],
    notes: [
      `one first boot each, which ours makes of two; medians of ${rounds} later boots each, in turns`,
      "processor time is until multi-user.target, a first boot's until configured.target, with firmware and boot loader; that of swtpm is left out",
      "memory in use: MemTotal less MemAvailable of /proc/meminfo; the kernel's own objects: Slab",
      `QEMU without KVM, ${size.cpus} processors, ${size.memoryMiB} MiB`,
    ],
    computer: computer(),
  };
}
