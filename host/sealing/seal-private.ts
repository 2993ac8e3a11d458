/**
 * Makes the private partition anew, sealed to the TPM: the second boot of a machine whose user data asks for it, before anything
 * is mounted. What the first one wrote there is zeros by then.
 *
 * Where power fails, the next boot begins again: the label says so until all is done. Without an order there is nothing to begin
 * with, and the partition is made in clear: a first boot, which leaves an order.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { removeIfPresent } from "../../lib/files/files.ts";
import { kept, sealing } from "../kept/things.ts";
import { hostPath, type System } from "../machine/system.ts";
import { addTpm, formatEncrypted, makeFileSystem, openByTpm } from "./encrypt.ts";
import { placeIn, readOrder, removeOrder, type SealingOrder } from "./order.ts";
import { encryptedFor, newRecoveryKey } from "./recovery-key.ts";
import { ownDisk, privatePartition } from "./sealed.ts";

/** As the mapping is called by open-private.service. */
const opened = "/dev/mapper/private";
/** In memory; the unit's own mounts end with it. */
const workPath = "/run/storage-seal";
const mountOptions = "noatime,nosuid,nodev,noexec,context=system_u:object_r:private_t:s0";

export const sealingLabel = "ORLOP-SEALING";
const doneLabel = "ORLOP-PRIVATE";
const dataKeyBytes = 64;
const zeros = Buffer.alloc(1024 * 1024);

/** @returns what was done, for the journal */
export async function sealPrivate(system: System): Promise<string> {
  const order = await readOrder(system);
  if (order === undefined) {
    await makeInClear(system);
    return "the private partition is made anew in clear: nothing says for whom it is to be sealed";
  }
  await requireTpm(system);
  const partition = hostPath(system, privatePartition);
  const key = newRecoveryKey();
  const keyFile = hostPath(system, join(workPath, "key"));
  await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
  await writeFile(keyFile, key, { mode: 0o600 });
  await using secret = new AsyncDisposableStack();
  secret.defer(async () => void (await removeIfPresent(keyFile)));
  await fillWithZeros(system, partition);
  await formatEncrypted(system, partition, keyFile, sealingLabel);
  await addTpm(system, partition, keyFile);
  await openByTpm(system, partition, "private");
  await makeFileSystem(system, hostPath(system, opened));
  await fill(system, order, key);
  await system.run(["cryptsetup", "config", `--label=${doneLabel}`, partition]);
  await removeOrder(system);
  return "the private partition is sealed to the TPM";
}

async function requireTpm(system: System): Promise<void> {
  if ((await system.tpm(() => Promise.resolve(true))) === true) return;
  throw new Failure("not-sealed", "cannot seal the private partition: the machine has no TPM any more");
}

async function fillWithZeros(system: System, device: string): Promise<void> {
  const bytes = Number(await system.run(["lsblk", "--bytes", "--nodeps", "--noheadings", "--output=SIZE", device]));
  await using file = await open(device, "r+");
  for (let at = 0; at < bytes; at += zeros.length) {
    await file.write(zeros, 0, Math.min(zeros.length, bytes - at), at);
  }
  await file.sync();
}

async function fill(system: System, { recipients, files }: SealingOrder, key: string): Promise<void> {
  const directory = hostPath(system, join(workPath, "private"));
  await mkdir(directory, { recursive: true });
  await system.run(["mount", "-t", "ext4", "-o", mountOptions, hostPath(system, opened), directory]);
  await using mounted = new AsyncDisposableStack();
  mounted.defer(async () => void (await system.run(["umount", directory])));
  const write = async (name: string, content: string | Uint8Array): Promise<void> => {
    const path = placeIn(directory, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, content, { mode: 0o600, flush: true });
  };
  for (const [name, content] of Object.entries(files)) await write(name, Buffer.from(content, "base64"));
  await write(basename(sealing.dataKey), randomBytes(dataKeyBytes));
  await write(basename(sealing.sealData), key);
  await write(basename(kept.recoveryKey.path), await encryptedFor(recipients, key));
}

async function makeInClear(system: System): Promise<void> {
  await makeFileSystem(system, hostPath(system, privatePartition));
  for (const name of ["to-seal", "sealed", "private"]) await removeIfPresent(hostPath(system, join(ownDisk, name)));
  await symlink("ORLOP-PRIVATE", hostPath(system, join(ownDisk, "private")));
}
