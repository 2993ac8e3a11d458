/** What is done before a reboot that somebody asked for. */
import { isDeferred } from "../bootstrap/deferred-reboot.ts";
import type { System } from "../machine/system.ts";
import { keepTryForPlannedReboot } from "./boot/sets.ts";
import type { Updater } from "./updater.ts";

/** False when the reboot waits for bootstrap commands, after which it happens by itself. */
export async function isReadyToReboot(system: System, updater: Pick<Updater, "renewTerms">): Promise<boolean> {
  if (await isDeferred(system)) return false;
  await keepTryForPlannedReboot(system);
  await updater.renewTerms();
  return true;
}

/** The manager begins to stop everything, this daemon too. */
export async function rebootNow(system: System): Promise<void> {
  await system.run(["systemctl", "--no-block", "reboot"]);
}
