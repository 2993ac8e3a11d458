/** The two logs of a host, opened or reported: whatever lies on the disk, the API answers. */
import { Audit } from "./audit.ts";
import { Datastore, type DatastoreOptions } from "../datastore/datastore.ts";
import { isInTheWay, openLog, type OpenedLog } from "../kept/logs.ts";
import { logs } from "../kept/things.ts";
import type { System } from "../machine/system.ts";

/** Between tries to read settings that could not be read. */
const retryMs = 60_000;

/** A directory that is none is lost. One of a newer version, or that the disk does not give, may be read again. */
export async function openSettings(system: System, options: DatastoreOptions): Promise<OpenedLog<Datastore>> {
  const settings = await tryToOpen(system, options);
  for (const repair of settings.opened.repairs) system.log.info(`datastore: ${repair}`);
  if (settings.unusable !== undefined) system.log.error("datastore: the boot stops here", settings.unusable);
  return settings;
}

/** Whoever has to run a program on a host in need must not be kept from it by what others ran before. */
export async function openAudit(system: System, options: DatastoreOptions): Promise<OpenedLog<Audit>> {
  const isLost = (): boolean => true;
  const audit = await openLog(system, logs.audit, isLost, async (disk) => await Audit.open(disk, options));
  for (const repair of audit.opened.repairs) system.log.info(`audit: ${repair}`);
  if (audit.unusable !== undefined) system.log.error("audit: no program runs in host containers", audit.unusable);
  return audit;
}

/** Resolves when settings that could not be read can be, or when the signal aborts. */
export async function untilUsable(system: System, options: DatastoreOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await system.clock.sleep(retryMs, signal).catch(() => undefined); // the loop looks at the signal
    const { opened, unusable } = await tryToOpen(system, options);
    await opened[Symbol.asyncDispose]();
    if (unusable === undefined) return;
  }
}

async function tryToOpen(system: System, options: DatastoreOptions): Promise<OpenedLog<Datastore>> {
  return await openLog(system, logs.settings, isInTheWay, async (disk) => await Datastore.open(disk, options));
}
