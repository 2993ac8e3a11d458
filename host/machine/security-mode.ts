/**
 * What the kernel holds the host to: a policy of SELinux, and lockdown. Sources: selinuxfs, /sys/fs/selinux/enforce;
 * kernel_lockdown(7).
 */
import type { StatusBody } from "../../api/status.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "./system.ts";

export type SecurityMode = NonNullable<StatusBody["selinux"]>;

export async function securityMode(system: System): Promise<SecurityMode> {
  const enforce = await readTextIfPresent(hostPath(system, "/sys/fs/selinux/enforce"));
  if (enforce === undefined) return "disabled";
  return enforce.trim() === "1" ? "enforcing" : "permissive";
}

/** From loose to strict. */
export const lockdownLevels = ["none", "integrity", "confidentiality"] as const;
export type LockdownLevel = (typeof lockdownLevels)[number];

export const lockdownPath = "/sys/kernel/security/lockdown";

/** "none [integrity] confidentiality"; a kernel without lockdown has no such file. */
export async function lockdownLevel(system: System): Promise<LockdownLevel> {
  const text = (await readTextIfPresent(hostPath(system, lockdownPath))) ?? "";
  return lockdownLevels.find((level) => text.includes(`[${level}]`)) ?? "none";
}
