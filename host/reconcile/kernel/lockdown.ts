/** Kernel lockdown from `settings.kernel.lockdown`. The kernel only ever raises it; relaxing takes a reboot. */
import { constants, writeFile } from "node:fs/promises";
import { readTextIfPresent } from "../../../lib/files/files.ts";
import { Failure } from "../../../lib/failure.ts";
import { hostPath } from "../../machine/system.ts";
import { reconciler } from "../reconciler.ts";

const path = "/sys/kernel/security/lockdown";
const levels = ["none", "integrity", "confidentiality"] as const;
type Level = (typeof levels)[number];

export const lockdown = reconciler<Level, Level, Level>({
  name: "lockdown",
  desired: ({ kernel }) => kernel.lockdown,
  async observe(system) {
    // "none [integrity] confidentiality"; a kernel without lockdown has no such file.
    const text = (await readTextIfPresent(hostPath(system, path))) ?? "";
    return levels.find((level) => text.includes(`[${level}]`)) ?? "none";
  },
  plan: (desired, actual) => (levels.indexOf(desired) > levels.indexOf(actual) ? [desired] : []),
  rebootNeeded: (desired, actual) =>
    levels.indexOf(desired) < levels.indexOf(actual)
      ? [`settings.kernel.lockdown is ${desired}, but the kernel keeps ${actual}`]
      : [],
  describe: (level) => ({ description: `raise kernel lockdown to ${level}` }),
  async apply(system, level) {
    try {
      await writeFile(hostPath(system, path), level, { flag: constants.O_WRONLY | constants.O_TRUNC });
    } catch (error) {
      throw new Failure("lockdown-refused", `cannot raise kernel lockdown to ${level}`, { cause: error });
    }
  },
  afterFailure: "stop",
});
