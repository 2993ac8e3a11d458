/**
 * The labels of a container of the host: `os/selinux/` says what each type may do.
 *
 * Two categories that follow from its name keep it and its files apart from other containers. A container that prepares
 * the machine, and a superpowered one, have all categories, so that what they make is for everybody.
 */
import { createHash } from "node:crypto";
import { containerId, type Description } from "../description.ts";

const categories = 1024;
const everything = "s0-s0:c0.c1023";

export type Labels = { process: string; files: string };

export function labelsOf(container: Pick<Description, "type" | "name" | "superpowered">): Labels {
  const level = levelOf(containerId(container));
  const type = container.type === "bootstrap" ? "bootstrap_t" : container.superpowered ? "super_t" : "control_t";
  const range = type === "control_t" ? level : everything;
  return { process: `system_u:system_r:${type}:${range}`, files: `system_u:object_r:secret_t:${level}` };
}

/** s0:c17,c512: the lower one first, as the kernel writes them. */
function levelOf(id: string): string {
  const digest = createHash("sha256").update(id).digest();
  const first = digest.readUInt32LE(0) % categories;
  // Never the same one.
  const second = (first + 1 + (digest.readUInt32LE(4) % (categories - 1))) % categories;
  return `s0:c${Math.min(first, second)},c${Math.max(first, second)}`;
}
