/** What would lock a sealed host out of its partitions is refused before it is done. */
import { Failure } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";
import { measurementKeyOf, type ReadInto } from "../update/boot/unified-image.ts";
import { publicKeyPath } from "./encrypt.ts";
import { isSealed } from "./sealed.ts";

/**
 * To an image of another signer the TPM opens nothing.
 *
 * @throws {Failure<"stays-closed" | "bad-program">}
 */
export async function refuseOtherSigner(system: System, read: ReadInto): Promise<void> {
  if (!(await isSealed(system))) return;
  const own = (await readTextIfPresent(hostPath(system, publicKeyPath)))?.trim();
  if (own === (await measurementKeyOf(read))) return;
  throw new Failure(
    "stays-closed",
    "cannot use the image: its measurements are not signed by the key that this host is sealed to",
    {
      hint: "the TPM would not open the partitions to it: build it with the signing key of the image that runs",
    },
  );
}

/** What the firmware refuses is measured into PCR 7, which is to be what it was. @throws {Failure<"stays-closed">} */
export async function refuseOtherFirmware(system: System): Promise<void> {
  if (!(await isSealed(system))) return;
  throw new Failure(
    "stays-closed",
    "cannot revoke images: the partitions of this host are sealed to what its firmware refuses now",
    {
      hint: "the next boot would not open them; take the machine out of service, and make it anew",
    },
  );
}
