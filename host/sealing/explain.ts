/** Why a sealed private partition stays closed, for the console: without it there is nothing that could answer. */
import type { System } from "../machine/system.ts";
import { sealedRegisters, signedRegister } from "./sealed.ts";

export async function explainClosed(system: System): Promise<string> {
  const hasTpm = (await system.tpm(() => Promise.resolve(true))) === true;
  const why = hasTpm
    ? [
        "its key is sealed to one TPM, and this is another one, or what it has measured is not what it was sealed for:",
        `Secure Boot and its keys (PCR ${sealedRegisters[0]}), and an image signed by the key of the first (PCR ${signedRegister}).`,
      ]
    : ["its key is sealed to a TPM, and this machine has none, or has it switched off in its firmware."];
  return [
    "storage: the private partition stays closed, and this host has no API:",
    ...why,
    "Put the disk back into its machine, or undo what was changed in the firmware. The recovery key opens it elsewhere:",
    "cryptsetup open DISK-PARTITION private",
  ].join("\n");
}
