/** A reboot that a bootstrap command asks for waits until all of them have run, as in Bottlerocket. */
import { isPresent, removeIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";

const heldMark = "/run/orlop/reboot.held";
const requestedMark = "/run/orlop/reboot.asked";

/** Reboots are held from now on, until it is disposed of. */
export async function holdReboots(system: System): Promise<AsyncDisposable & { isRequested(): Promise<boolean> }> {
  await removeIfPresent(hostPath(system, requestedMark));
  await writeFileAtomic(hostPath(system, heldMark), "");
  return {
    isRequested: async () => await isPresent(hostPath(system, requestedMark)),
    async [Symbol.asyncDispose]() {
      await removeIfPresent(hostPath(system, heldMark));
    },
  };
}

/** Whether a reboot has to wait; it is then remembered, and done when nothing holds it any more. */
export async function isHeld(system: System): Promise<boolean> {
  if (!(await isPresent(hostPath(system, heldMark)))) return false;
  await writeFileAtomic(hostPath(system, requestedMark), "");
  return true;
}
