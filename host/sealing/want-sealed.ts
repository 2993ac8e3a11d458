/**
 * The first boot of a machine whose user data wants its partitions sealed: nothing of it is written before they are. It leaves an
 * order for the next boot, and starts again.
 */
import { Failure } from "../../lib/failure.ts";
import type { Json } from "../../lib/text/json.ts";
import type { Datastore } from "../datastore/datastore.ts";
import { isPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";
import { besideData } from "../user-data/sources.ts";
import { keepTryForPlannedReboot } from "../update/boot/sets.ts";
import { rebootNow } from "../update/before-reboot.ts";
import { leaveOrder, readOrder } from "./order.ts";
import { sealingLabel } from "./seal-private.ts";
import { isSealed, privatePartition } from "./sealed.ts";

/**
 * @returns whether the machine starts again now: then nothing else may be done
 * @throws {Failure<"not-sealed">} when it cannot be: then nothing of the user data may be applied
 */
export async function sealIfWanted(
  system: System,
  datastore: Pick<Datastore, "history">,
  values: ReadonlyMap<string, Json>,
): Promise<boolean> {
  if (values.get("settings.storage.encryption") !== "tpm2" || (await isSealed(system))) return false;
  const cannot = (why: string, hint: string): Failure =>
    new Failure("not-sealed", `cannot encrypt the partitions: ${why}`, { hint });
  if ((await system.tpm(() => Promise.resolve(true))) !== true) {
    throw cannot(
      "this machine has no TPM, so nothing of its user data is applied",
      "give it one, or take settings.storage.encryption out of its user data, and reboot",
    );
  }
  // What people changed would be lost.
  if ((await datastore.history()).some(({ by }) => by.kind !== "host")) {
    throw cannot("settings were changed on this host already", "make the machine anew");
  }
  for (const path of Object.values(besideData)) {
    if (!(await isPresent(hostPath(system, path)))) continue;
    throw cannot(`${path} is on the data partition, which would be made anew`, "hand the same over in another way");
  }
  if ((await readOrder(system)) !== undefined) {
    throw cannot(
      "it was tried at the start of this boot",
      "the journal says why: `apiclient logs`; it is tried again at a reboot",
    );
  }
  const recipients = values.get("settings.storage.recovery-recipients");
  const named = Array.isArray(recipients) ? recipients.filter((each) => typeof each === "string") : [];
  await leaveOrder(system, named);
  await system.run(["tune2fs", "-L", sealingLabel, privatePartition]);
  system.log.info("boot: starting again, to make the partitions anew, sealed to the TPM");
  await keepTryForPlannedReboot(system);
  await rebootNow(system);
  return true;
}
