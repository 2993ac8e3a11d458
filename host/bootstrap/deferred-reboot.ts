/** A reboot that a bootstrap command asks for waits until all of them have run, as in Bottlerocket. */
import { isPresent, removeIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";

const deferringMark = "/run/orlop/reboot.deferred";
const requestedMark = "/run/orlop/reboot.asked";

/** Reboots wait from now on, until it is disposed of. */
export async function deferReboots(system: System): Promise<AsyncDisposable & { isRequested(): Promise<boolean> }> {
  await removeIfPresent(hostPath(system, requestedMark));
  await writeFileAtomic(hostPath(system, deferringMark), "");
  return {
    isRequested: async () => await isPresent(hostPath(system, requestedMark)),
    async [Symbol.asyncDispose]() {
      await removeIfPresent(hostPath(system, deferringMark));
    },
  };
}

/** Whether a reboot has to wait; it is then remembered, and done when nothing defers it any more. */
export async function isDeferred(system: System): Promise<boolean> {
  if (!(await isPresent(hostPath(system, deferringMark)))) return false;
  await writeFileAtomic(hostPath(system, requestedMark), "");
  return true;
}
