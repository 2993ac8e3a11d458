/**
 * Kernel parameters that kubelet may let pods set: those of a network or an IPC namespace, and from 1.37 on of a UTS or
 * user namespace.
 *
 * Sources: kubelet's pkg/kubelet/sysctl, of 1.20; k8s.io/component-helpers node/util/sysctl, of 1.34 to 1.37.
 */
import { isAtLeast, type Minor } from "../../model/setting.ts";
import { pattern } from "../../values/text.ts";
import type { Type } from "../../model/type.ts";

const segment = "[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?";

export const podSysctl: Type<string> = pattern(
  "the name of a kernel parameter such as net.core.somaxconn, perhaps with * at its end",
  new RegExp(`^(?:${segment}[./])*(?:[a-z0-9][a-z0-9_-]*)?[a-z0-9*]$`),
  (name) => name.length <= 253,
);

const names = ["kernel.sem", "kernel.shm", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"];
const messages = ["kernel.msg", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni"];
const exact = new Set([...names, ...messages]);
const prefixes = ["net.", "fs.mqueue."];

/** Whether the kubelet of a minor knows that each namespace has its own; of a pattern, that of what is before its *. */
export function isNamespaced(name: string, minor: Minor): boolean {
  const prefix = dotted(name).replace(/\*$/, "");
  if (prefixes.some((start) => prefix.startsWith(start))) return true;
  if (isAtLeast(minor, "1.37") && (prefix === "kernel.domainname" || prefix.startsWith("user."))) return true;
  if (isAtLeast(minor, "1.25")) return exact.has(prefix);
  return prefix === "kernel.sem" || prefix.startsWith("kernel.shm") || prefix.startsWith("kernel.msg");
}

/** For people: "net.*, fs.mqueue.* or kernel.sem". */
export function namespacedParameters(minor: Minor): string {
  const all = ["net.*", "kernel.shm*", "kernel.msg*", "kernel.sem", "fs.mqueue.*"];
  if (isAtLeast(minor, "1.37")) all.push("kernel.domainname", "user.*");
  return `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`;
}

/** As sysctl.d(5) has it: where a slash comes first, slashes separate and dots belong to names. */
function dotted(name: string): string {
  if (/[./]/.exec(name)?.[0] !== "/") return name;
  return name.replaceAll(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
}

/** Kubelets before 1.25 know dots only. */
export function isWrittenFor(name: string, minor: Minor): boolean {
  return isAtLeast(minor, "1.25") || !name.includes("/");
}
