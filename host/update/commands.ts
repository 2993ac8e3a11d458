/** What each command of an update does. Whatever it leaves is on disk or in the memory when it resolves. */
import { defined } from "../../lib/defined.ts";
import { afterFailure, Failure } from "../../lib/failure.ts";
import { describedCompanions } from "../containers/companions/described-companions.ts";
import { chosenExtensions } from "../extensions/standing.ts";
import type { System } from "../machine/system.ts";
import { instanceOf, runToItsEnd } from "../machine/unit.ts";
import { rehearse } from "../migrations/rehearse.ts";
import { bootInactiveNext, requireSets } from "./boot/sets.ts";
import { available, chosen as chosenOf, describeHold, freeVersion } from "./choice.ts";
import { wishesOf } from "./fetch/host-mirror.ts";
import { publishedMigrations } from "./fetch/published-migrations.ts";
import { planOf } from "./fetch/ways.ts";
import { currentTerms } from "./judge/current-terms.ts";
import type { KeptMemory } from "./kept-memory.ts";
import { chosenIn, waysIn, type Look, type RepositoryLooks } from "./look.ts";
import type { Chosen } from "./memory.ts";
import type { UpdaterHost } from "./updater-host.ts";
import { writeImage, type WriteProgress } from "./write/write-image.ts";
import { writeSize } from "./write/write-stream.ts";

export type CommandWork = { host: UpdaterHost; memory: KeptMemory; looks: RepositoryLooks; signal: AbortSignal };

/** Chooses the newest version that nothing holds, or the one that is wanted. @throws {Failure<"version-held">} */
export async function refresh({ host, memory, looks, signal }: CommandWork, wanted: string | undefined): Promise<void> {
  const { chosen: _forgotten, download: _plan, ...rest } = memory.current;
  try {
    const look = await looks.look(signal);
    const { trusted, versions, view } = look;
    const version = wanted === undefined ? chosenOf(versions) : freeVersion(versions, wanted);
    const chosen = version === undefined ? undefined : chosenIn(trusted, host.running, version);
    const download = version === undefined ? undefined : { version, ...planOf(waysIn(look, host.running, version)) };
    await memory.remember({
      ...rest,
      ...defined({ chosen, download }),
      available: available(versions),
      checked: { at: view.now.toISOString(), expires: trusted.expires.toISOString() },
    });
  } catch (error) {
    throw await afterFailure(error, async () => {
      await memory.note({ ...rest, available: [] });
    });
  }
}

/**
 * Writes the chosen version to the inactive set, reads it back and verifies it; the set does not boot next.
 *
 * @param onProgress called after each piece
 * @throws {Failure<"no-update" | "chosen-changed">}
 */
export async function prepare(
  { host, memory, looks, signal }: CommandWork,
  onProgress: (progress: WriteProgress) => void,
): Promise<void> {
  const { system, running } = host;
  const { chosen } = memory.current;
  if (chosen === undefined) throw noUpdate();
  const { version } = chosen.image;
  const look = await looks.look(signal, version);
  assertStillOffered(look, host, chosen);
  const mirror = await looks.mirror(version);
  const way = { from: running.version, to: version };
  const migrations = await publishedMigrations(system, mirror, look.trusted, way, signal);
  await rehearse(system, host.values(), { running: running.version, target: version }, migrations);
  const { signpost, inactive } = await requireSets(system);
  await signpost.clearInactive();
  await memory.remember({ ...memory.current, brings: { version, migrations } });
  const ways = waysIn(look, running, version);
  const plan = { version, ...planOf(ways) };
  const job = { mirror, ways, running: look.runningSet?.parts, ...inactive, size: host.writeSize ?? writeSize };
  const fetched = await writeImage(system, job, onProgress, signal);
  await memory.note({ ...memory.current, download: { ...plan, fetched } });
  await signpost.markInactiveValid(version, wishesOf(host.settings()).tries);
  const source = fetched.from === undefined ? "" : `, by patches from ${fetched.from}`;
  system.log.info(`update: ${version} took ${fetched.bytes} bytes of ${plan.wholeBytes}${source}`);
  system.log.info(`update: ${version} is on set ${inactive.set.toUpperCase()}, read back and verified`);
  await fetchCompanions(system, version, signal);
  if (chosenExtensions(host.settings()).length > 0) await fetchExtensions(system, version, signal);
}

/** Containers that come with the OS start from those of the new version, though the repository be away then. */
async function fetchCompanions(system: System, version: string, signal: AbortSignal): Promise<void> {
  try {
    if ((await describedCompanions(system)).length === 0) return;
    const unit = `fetch-companions@${instanceOf(version)}.service`;
    await runToItsEnd(system, unit, { limitMs: companionsMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    system.log.error(
      `update: ${version} is complete without its images of containers, which it will ask for itself`,
      error,
    );
  }
}

/** So that the first boot of the new version has them. */
async function fetchExtensions(system: System, version: string, signal: AbortSignal): Promise<void> {
  try {
    await runToItsEnd(system, `fetch-extensions@${instanceOf(version)}.service`, { limitMs: extensionsMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    system.log.error(
      `update: ${version} is complete without its system extensions, which it will ask for itself`,
      error,
    );
  }
}

const extensionsMs = 11 * 60_000;
const companionsMs = 30 * 60_000;

/** Makes it boot next. Settings may have changed since it was written, so their way is tried once more. */
export async function activate({ host, memory, signal }: Omit<CommandWork, "looks">): Promise<void> {
  const { system, running } = host;
  const { signpost, inactive } = await requireSets(system);
  const staged = (await signpost.read()).entries[inactive.set]?.version;
  const { brings } = memory.current;
  if (staged !== undefined && brings?.version === staged) {
    await rehearse(system, host.values(), { running: running.version, target: staged }, brings.migrations);
  }
  await bootInactiveNext(system, await currentTerms(host, signal));
}

/** The running set boots next after all. @throws {Failure<"nothing-to-cancel">} */
export async function deactivate({ host }: Pick<CommandWork, "host">): Promise<void> {
  await (await requireSets(host.system)).signpost.cancelUpgrade();
}

export function noUpdate(): Failure<"no-update"> {
  return new Failure("no-update", "cannot prepare an update: none is chosen", { hint: "run `apiclient update check`" });
}

function assertStillOffered({ trusted, versions }: Look, { running }: UpdaterHost, chosen: Chosen): void {
  const { version } = chosen.image;
  const offered = versions.find((each) => each.version === version);
  const recalled = offered?.holds.find(({ kind }) => kind === "above-maximum" || kind === "failed-before");
  const same = offered !== undefined && Bun.deepEquals(chosenIn(trusted, running, version), chosen);
  if (same && recalled === undefined) return;
  const reason = recalled === undefined ? "the repository offers it no more, or other files" : describeHold(recalled);
  throw new Failure("chosen-changed", `cannot write ${version}, which was chosen: ${reason}`, {
    hint: "run `apiclient update check` to choose anew",
  });
}
