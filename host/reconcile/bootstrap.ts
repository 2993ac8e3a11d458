/**
 * Bootstrap commands and containers run while the machine boots, and only then: what settings ask for later waits for
 * the next boot, and this says so. It changes nothing.
 */
import { isPresent } from "../../lib/files/files.ts";
import {
  called,
  commandsIn,
  configuredMark,
  containersIn,
  readRecord,
  type BootstrapWork,
} from "../bootstrap/record.ts";
import { hostPath } from "../machine/system.ts";
import { reconciler } from "./reconciler.ts";

/** Undefined while this boot has not said yet what it runs. */
type Actual = readonly BootstrapWork[] | undefined;

export const bootstrapReconciler = reconciler<readonly BootstrapWork[], Actual, never>({
  name: "bootstrap",
  desired: (settings) => [...commandsIn(settings), ...containersIn(settings)],
  async observe(system) {
    if (!(await isPresent(hostPath(system, configuredMark)))) return undefined;
    return (await readRecord(system))?.entries ?? [];
  },
  plan: () => [],
  rebootNeeded(desired, actual) {
    if (actual === undefined) return [];
    const ran = new Set(actual.map(called));
    return desired.filter((entry) => !ran.has(called(entry))).map((entry) => `bootstrap ${called(entry)} is to run`);
  },
  describe: () => undefined,
  apply: async () => {},
  afterFailure: "continue",
});
