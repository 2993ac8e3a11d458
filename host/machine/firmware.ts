/** What the firmware says this machine is. Source: SMBIOS tables as the kernel shows them in /sys/class/dmi/id. */
import { readIfPresent, readTextIfPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "./system.ts";

/** The maker of the machine, for example "Amazon EC2", "QEMU", "VMware, Inc."; empty when it does not say. */
export async function machineVendor(system: System): Promise<string> {
  return ((await readTextIfPresent(hostPath(system, "/sys/class/dmi/id/sys_vendor"))) ?? "").trim();
}

const secureBootPath = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/** Whether the firmware starts only what is signed. A machine without UEFI does not. */
export async function isSecureBoot(system: System): Promise<boolean> {
  // Four bytes of attributes, then the value; see efivarfs.
  return (await readIfPresent(hostPath(system, secureBootPath)))?.at(4) === 1;
}

/** The parameters of the running kernel, `name=value` or `name`, in their order. */
export async function kernelParameters(system: System): Promise<string[]> {
  const text = (await readTextIfPresent(hostPath(system, "/proc/cmdline"))) ?? "";
  // Values may be quoted to hold spaces; see the kernel's parse_args().
  return text.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
}
