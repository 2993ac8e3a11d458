/** Whether the kernel holds processes to a policy of SELinux. Source: selinuxfs, /sys/fs/selinux/enforce. */
import type { StatusBody } from "../../api/status.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "./system.ts";

export type SecurityMode = NonNullable<StatusBody["selinux"]>;

export async function securityMode(system: System): Promise<SecurityMode> {
  const enforce = await readTextIfPresent(hostPath(system, "/sys/fs/selinux/enforce"));
  if (enforce === undefined) return "disabled";
  return enforce.trim() === "1" ? "enforcing" : "permissive";
}
