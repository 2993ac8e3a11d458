/**
 * Tells the firmware which images it shall not start any more: `./orlop revoke` makes the list, signed by the key exchange
 * key, and the firmware adds it to what it refuses. Nobody takes it back without that key.
 *
 * Sources: UEFI specification 2.10, section 8.2.2; efivarfs in the kernel's Documentation/filesystems.
 */
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { authenticodeHash } from "../../../lib/efi/authenticode.ts";
import { Failure } from "../../../lib/failure.ts";
import { readIfPresent } from "../../../lib/files/files.ts";
import { isSecureBoot } from "../../machine/firmware.ts";
import { writeFirmwareVariable } from "../../machine/linux.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { refuseOtherFirmware } from "../../sealing/same-signer.ts";
import { kernelPath } from "./boot-entry.ts";
import { findPartitions } from "./partitions.ts";
import { espPath } from "./sets.ts";

const variable = "/sys/firmware/efi/efivars/dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f";
/** Kept without power, for boot loader and operating system, signed with a time, and put behind what is there. */
const attributes = 0x67;
const timeBytes = 16;
const listHeaderBytes = 28;
const ownerBytes = 16;
const hashBytes = 32;

/**
 * @param evenRunning also when the machine then has nothing to start but the other set
 * @throws {Failure<"secure-boot" | "bad-revocation" | "runs-here" | "stays-closed" | "system-call">}
 */
export async function revokeImages(
  system: System,
  path: string,
  { evenRunning }: { evenRunning: boolean },
  write = writeFirmwareVariable,
): Promise<number> {
  if (!(await isSecureBoot(system))) {
    throw new Failure(
      "secure-boot",
      "cannot revoke images: Secure Boot is off, so the firmware starts whatever is there",
    );
  }
  const update = await readFile(path);
  const hashes = hashesIn(update, path);
  const before = await readIfPresent(hostPath(system, variable));
  const fresh = hashes.filter((hash) => before?.includes(hash) !== true);
  if (fresh.length === 0) return 0;
  await refuseOtherFirmware(system);
  if (!evenRunning) await refuseRunning(system, fresh);
  write(hostPath(system, variable), Buffer.concat([uint32(attributes), update]));
  return fresh.length;
}

async function refuseRunning(system: System, hashes: readonly Buffer[]): Promise<void> {
  const { active } = await findPartitions(system);
  const running = hostPath(system, join(espPath, kernelPath(active)));
  const hash = authenticodeHash(await readFile(running), running);
  if (!hashes.some((revoked) => revoked.equals(hash))) return;
  throw new Failure("runs-here", "cannot revoke images: the one that runs here is among them", {
    hint: "update first; --even-running revokes it all the same, and the next boot is that of the other set",
  });
}

/** The entries of the one list behind the signature. */
function hashesIn(update: Buffer, path: string): Buffer[] {
  const at = timeBytes + (update.length > timeBytes + 4 ? update.readUInt32LE(timeBytes) : 0);
  const bytes = update.length - at;
  const entry = ownerBytes + hashBytes;
  const isList =
    bytes >= listHeaderBytes + entry &&
    update.readUInt32LE(at + 16) === bytes &&
    update.readUInt32LE(at + 24) === entry &&
    (bytes - listHeaderBytes) % entry === 0;
  if (!isList)
    throw new Failure("bad-revocation", `cannot revoke images: ${path} is no list that \`orlop revoke\` made`);
  return Array.from({ length: (bytes - listHeaderBytes) / entry }, (_, index) => {
    const start = at + listHeaderBytes + index * entry + ownerBytes;
    return update.subarray(start, start + hashBytes);
  });
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
