/** Whether the partitions of this host are sealed, and to what. What is on the partition says so, and no setting. */
import type { StorageBody } from "../../api/status.ts";
import { settingsRegister } from "../../api/attestation/evidence.ts";
import { isPresent } from "../../lib/files/files.ts";
import { kept } from "../kept/things.ts";
import { hostPath, type System } from "../machine/system.ts";

/** Left by the initrd. */
export const ownDisk = "/run/own-disk";
export const privatePartition = `${ownDisk}/ORLOP-PRIVATE`;
const sealedMark = `${ownDisk}/sealed`;

/**
 * As they were when the partition was sealed: 7 is Secure Boot's. That of the settings is zero until the daemon has measured them,
 * so that nothing which comes behind it opens the partition once more.
 */
export const sealedRegisters = [7, settingsRegister] as const;
/** As the key of the image says, so that updates and the way back open it too. */
export const signedRegister = 11;

export async function isSealed(system: System): Promise<boolean> {
  return await isPresent(hostPath(system, sealedMark));
}

export async function storageNow(system: System): Promise<StorageBody> {
  if (!(await isSealed(system))) return { encryption: "none" };
  const waiting = (await kept.recoveryKey.read(system)) !== undefined;
  return {
    encryption: "tpm2",
    registers: [...sealedRegisters, signedRegister].toSorted((a, b) => a - b),
    recoveryKey: waiting ? "waiting" : "handed-out",
  };
}
