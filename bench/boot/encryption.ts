/**
 * What partitions sealed to the TPM cost: the `dev` image on a machine whose user data asks for them, and on one whose does not.
 * Both have a TPM, which measures either way.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { builtImage } from "../../cli/image/built-image.ts";
import { buildDirectory } from "../../cli/context.ts";
import { computer, type BenchReport } from "../report.ts";
import { ourMachine } from "./our-boot.ts";
import { comparePair, pairNotes } from "./pair.ts";

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
    return {
      benchmark: "encryption",
      ours: "the dev image with both partitions sealed to the TPM",
      peer: "the same image with partitions in clear, and a TPM as well",
      figures: await comparePair(machines, signal),
      notes: [
        ...pairNotes,
        "the first boot of ours is two, for sealed partitions begin with a second one; processor time of swtpm is left out",
      ],
      computer: computer(),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
