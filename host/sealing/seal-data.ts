/**
 * Makes the data partition anew as LUKS2, by a key on the private partition, once that is sealed. The recovery key opens it too.
 * Where power fails, the next boot begins again.
 */
import { Failure } from "../../lib/failure.ts";
import { isPresent, removeDurably } from "../../lib/files/files.ts";
import { sealing } from "../kept/things.ts";
import { hostPath, type System } from "../machine/system.ts";
import { addKey, formatEncrypted, makeFileSystem } from "./encrypt.ts";

/** udev's name for it (os/udev/90-orlop.rules). */
const partition = "/dev/orlop/sealed-data";
const label = "ORLOP-DATA";
/** Not the name that the mount waits for. */
const passing = "new-data";

/** @returns what was done, for the journal */
export async function sealData(system: System): Promise<string> {
  const [dataKey, recoveryKey] = [hostPath(system, sealing.dataKey), hostPath(system, sealing.sealData)];
  if (!(await isPresent(dataKey))) {
    throw new Failure("not-sealed", `cannot encrypt the data partition: ${sealing.dataKey} is not there`);
  }
  await formatEncrypted(system, partition, dataKey, label);
  await addKey(system, partition, dataKey, recoveryKey);
  const open = ["--type=luks2", "--disable-keyring", `--key-file=${dataKey}`, partition, passing] as const;
  await system.run(["cryptsetup", "open", ...open]);
  await makeFileSystem(system, `/dev/mapper/${passing}`);
  await system.run(["cryptsetup", "close", passing]);
  await removeDurably(recoveryKey, system.storage);
  return "the data partition is encrypted";
}
