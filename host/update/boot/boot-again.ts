/**
 * Makes the firmware come to the boot loader a second time when what it starts first is refused.
 *
 * systemd-boot counts the try, then asks the firmware to start the kernel. One that is damaged or not signed as Secure
 * Boot wants ends the loader, and the firmware goes on to its next option: usually none, and the machine would stand in
 * a menu. The option that started this boot, put before the usual order for one time, is the loader once more, and that
 * finds the tries used up. Source: UEFI specification 2.10, section 3.1.2 "BootNext".
 */
import { writeFile } from "node:fs/promises";
import { readIfPresent } from "../../../lib/files/files.ts";
import { hostPath, type System } from "../../machine/system.ts";

const efiVariable = (name: string): string => `/sys/firmware/efi/efivars/${name}-8be4df61-93ca-11d2-aa0d-00e098032b8c`;
/** Kept without power, and usable by boot loader and operating system. */
const attributes = 7;

/** Does nothing on a machine whose firmware does not say which option it started. */
export async function bootLoaderTwice(system: System): Promise<void> {
  const current = await currentOption(system);
  if (current === undefined) return;
  const next = Buffer.alloc(6);
  next.writeUInt32LE(attributes);
  next.writeUInt16LE(current, 4);
  // One write: the kernel takes a variable whole or not at all.
  await writeFile(hostPath(system, efiVariable("BootNext")), next);
}

async function currentOption(system: System): Promise<number | undefined> {
  return (await readIfPresent(hostPath(system, efiVariable("BootCurrent"))))?.readUInt16LE(4);
}
