/** What the crash kernel kept of the last crash (`os/units/capture-kernel-dump.service`). */
import { stat } from "node:fs/promises";
import { systemErrorCode } from "../../lib/failure.ts";
import { hostPath, type System } from "../machine/system.ts";

/** The last messages of the kernel that crashed. */
export const crashMessagesPath = "/var/log/kdump/dmesg.log";

/**
 * When what is kept was kept; undefined when no kernel of this host has left anything, or when nobody can tell because the
 * data partition is broken: the status must say that, and not fail.
 */
export async function keptCrash(system: System): Promise<Date | undefined> {
  try {
    return (await stat(hostPath(system, crashMessagesPath))).mtime;
  } catch (error) {
    if (systemErrorCode(error) !== undefined) return undefined;
    throw error;
  }
}
