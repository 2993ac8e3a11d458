/**
 * Opening what is kept as a log in a directory of its own: whatever lies there, it is opened or the reason is in the
 * status.
 */
import { defined } from "../../lib/defined.ts";
import { Failure, systemErrorCode } from "../../lib/failure.ts";
import { directoryDisk, type LogDisk } from "../datastore/log/disk.ts";
import { unusableDisk } from "../datastore/unusable.ts";
import { hostPath, type System } from "../machine/system.ts";
import { setAside, type KeptPlace } from "./set-aside.ts";

export type OpenedLog<Log> = { opened: Log; unusable?: Failure };

/**
 * @param isLost whether the log that is there is given up for this reason: it is set aside, and a new one is begun
 * @returns with `unusable`, a log that is empty and refuses to be written; what is on the disk stays as it is
 */
export async function openLog<Log>(
  system: System,
  place: KeptPlace,
  isLost: (reason: Failure) => boolean,
  open: (disk: LogDisk) => Promise<Log>,
): Promise<OpenedLog<Log>> {
  const disk = directoryDisk(system.storage, hostPath(system, place.path));
  try {
    return { opened: await open(disk) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (!isLost(error)) return await refusing(place, error, open);
    await setAside(system, place, error);
  }
  try {
    return { opened: await open(disk) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return await refusing(place, error, open);
  }
}

async function refusing<Log>(
  { path }: KeptPlace,
  { message, hint, cause }: Failure,
  open: (disk: LogDisk) => Promise<Log>,
): Promise<OpenedLog<Log>> {
  const unusable = new Failure("kept-unusable", `cannot use what is kept in ${path}: ${message}`, {
    ...defined({ hint }),
    cause,
  });
  return { opened: await open(unusableDisk(unusable)), unusable };
}

/** Something else lies where the directory should be. */
export function isInTheWay({ cause }: Failure): boolean {
  return systemErrorCode(cause) === "ENOTDIR";
}
