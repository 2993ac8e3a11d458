/** The terms by which a version would be judged that starts now: the checks of the moment, and how this host does. */
import type { UpdaterHost } from "../updater-host.ts";
import type { UpdateState } from "../state.ts";
import { keepTerms, type NewTerms } from "./terms.ts";

/** A reboot waits for it. */
const termsMs = 10_000;

/** Undefined when it cannot be told in time how this host does: an update is held to everything then. */
export async function currentTerms(
  { system, settings, ailments }: UpdaterHost,
  stop: AbortSignal,
): Promise<NewTerms | undefined> {
  try {
    const { health } = settings().updates;
    return { health, ailments: await ailments(AbortSignal.any([stop, AbortSignal.timeout(termsMs)])) };
  } catch (error) {
    stop.throwIfAborted();
    system.log.error("update: cannot tell how this host does before the update", error);
    return undefined;
  }
}

/** Never rejects: what was promised before holds then. */
export async function renewTerms(
  host: UpdaterHost,
  state: () => Promise<UpdateState>,
  stop: AbortSignal,
): Promise<void> {
  try {
    const now = await state();
    if (now.kind !== "ready") return;
    const terms = await currentTerms(host, stop);
    if (terms !== undefined) await keepTerms(host.system, now.staged.version, terms);
  } catch (error) {
    host.system.log.error("update: cannot note anew how this host does before the update", error);
  }
}
