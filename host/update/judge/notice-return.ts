/** Noticing, at the start of the daemon, that this host came back from a version that did not prove healthy. */
import type { System } from "../../machine/system.ts";
import type { Standings } from "../boot/signpost.ts";
import type { KeptMemory } from "../kept-memory.ts";
import type { FailedVersion } from "../memory.ts";
import { removeRecords } from "./last-words.ts";
import { explained, panicBefore, returnedFrom } from "./went-back.ts";

/**
 * The hold first: what happened to the version is only for people, and whether it is tried again must not hang on it.
 *
 * @param onReturn called when this start is the first to notice, and again when more is known about it
 */
export async function noticeReturn(
  system: System,
  memory: KeptMemory,
  standings: Standings,
  onReturn: (version: FailedVersion) => void,
): Promise<void> {
  const failed = returnedFrom(standings, memory.current.held, system.clock.now());
  if (failed !== undefined) {
    onReturn(failed);
    await memory.hold(failed);
  }
  const panic = await panicBefore(system, standings);
  const unexplained = memory.current.held.find((version) => version.unexplained === true);
  if (unexplained !== undefined) {
    const explanation = await explained(system, standings, unexplained, panic?.reason);
    onReturn(explanation);
    system.log.info(`update: went back from ${explanation.version}: ${explanation.reason}`);
    const held = memory.current.held.map((each) => (each === unexplained ? explanation : each));
    await memory.remember({ ...memory.current, held });
  }
  if (panic !== undefined) await removeRecords(system, panic);
}
