/**
 * Kernel lockdown from `settings.kernel.lockdown`. The kernel only ever raises it; relaxing takes a reboot.
 *
 * The level is kept, so that lockdown.service raises it at the next boot before anything from outside runs. Debian's kernel
 * begins at "integrity" when the firmware says that Secure Boot is on, and nothing relaxes that.
 */
import { constants, writeFile } from "node:fs/promises";
import { Failure, unreachable } from "../../../lib/failure.ts";
import { kept } from "../../kept/things.ts";
import { isSecureBoot } from "../../machine/firmware.ts";
import { lockdownLevel, lockdownLevels, lockdownPath, type LockdownLevel } from "../../machine/security-mode.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { reconciler } from "../reconciler.ts";

type Actual = { level: LockdownLevel; atNextBoot: LockdownLevel | undefined; secureBoot: boolean };
type Step = { kind: "raise" | "keep"; level: LockdownLevel };

const isBelow = (level: LockdownLevel, limit: LockdownLevel): boolean =>
  lockdownLevels.indexOf(level) < lockdownLevels.indexOf(limit);

export const lockdown = reconciler<LockdownLevel, Actual, Step>({
  name: "lockdown",
  desired: ({ kernel }) => kernel.lockdown,
  async observe(system) {
    return {
      level: await lockdownLevel(system),
      atNextBoot: await kept.lockdown.read(system),
      secureBoot: await isSecureBoot(system),
    };
  },
  plan: (desired, { level, atNextBoot }) => [
    ...(desired === atNextBoot ? [] : [{ kind: "keep", level: desired } as const]),
    ...(isBelow(level, desired) ? [{ kind: "raise", level: desired } as const] : []),
  ],
  rebootNeeded(desired, { level, secureBoot }) {
    const after = secureBoot && desired === "none" ? "integrity" : desired;
    return isBelow(after, level) ? [`settings.kernel.lockdown is ${desired}, but the kernel keeps ${level}`] : [];
  },
  warnings: (desired, { secureBoot }) =>
    secureBoot && desired === "none"
      ? ["settings.kernel.lockdown is none, but Secure Boot keeps the kernel at integrity at every boot"]
      : [],
  describe: ({ kind, level }) => (kind === "keep" ? undefined : { description: `raise kernel lockdown to ${level}` }),
  async apply(system, { kind, level }) {
    switch (kind) {
      case "keep":
        return await kept.lockdown.replace(system, level);
      case "raise":
        return await raise(system, level);
      default:
        return unreachable(kind);
    }
  },
  afterFailure: "continue",
});

async function raise(system: System, level: LockdownLevel): Promise<void> {
  try {
    await writeFile(hostPath(system, lockdownPath), level, { flag: constants.O_WRONLY | constants.O_TRUNC });
  } catch (error) {
    throw new Failure("lockdown-refused", `cannot raise kernel lockdown to ${level}`, { cause: error });
  }
}
