/**
 * Which disks are ephemeral, and which directories may lie on them.
 *
 * udev says what is ephemeral (90-orlop.rules), hostd what a request may name, and ephemeral-storage.service does it.
 */
import { join } from "node:path";
import { z } from "zod";
import { ephemeralBind, ephemeralInit } from "../../api/ephemeral-storage.ts";
import { Failure } from "../../lib/failure.ts";
import { namesIn } from "../../lib/files/files.ts";
import type { Variant } from "../../variants/variant.ts";
import { hostPath, type System } from "../machine/system.ts";

const directory = "/dev/disk/ephemeral";

export const requestSchema = z.discriminatedUnion("kind", [
  ephemeralInit.required().extend({ kind: z.literal("init") }),
  ephemeralBind.required().extend({ kind: z.literal("bind") }),
]);
export type EphemeralStorageRequest = z.infer<typeof requestSchema>;

/** What ephemeral-storage.service is to do. */
export const requestPath = "/run/orlop/ephemeral-storage.json";
export const unit = "ephemeral-storage.service";

/** Paths of the disks, sorted. */
export async function ephemeralDisks(system: System): Promise<string[]> {
  return (await namesIn(hostPath(system, directory))).map((name) => join(directory, name));
}

/** Where containers keep what grows, by what runs them. */
const everywhere = ["/var/lib/containerd", "/var/lib/host-containerd"];
const directoriesOf = {
  none: [],
  kubernetes: ["/var/lib/kubelet", "/var/log/pods"],
  ecs: ["/var/lib/docker", "/var/log/ecs"],
} as const satisfies Record<Variant["orchestrator"]["kind"], readonly string[]>;

/** Of Bottlerocket's variants that unpack images while they are fetched. */
const ofOtherVariants = ["/var/lib/soci-snapshotter"];

/** What may be bound; beside them, everything below /mnt. */
export function bindTargets({ orchestrator: { kind } }: Pick<Variant, "orchestrator">): string[] {
  return [...everywhere, ...directoriesOf[kind]];
}

/**
 * What of the named directories is to be bound, all of the variant's when none is named. Those that only other variants
 * have are left out, so that one document serves several variants.
 *
 * @throws {Failure<"bad-target">}
 */
export function chosenTargets(
  named: readonly string[],
  variant: Pick<Variant, "orchestrator">,
): { targets: string[]; leftOut: string[] } {
  const allowed = bindTargets(variant);
  if (named.length === 0) return { targets: allowed, leftOut: [] };
  const foreign = [...Object.values(directoriesOf).flat(), ...ofOtherVariants].filter(
    (directory) => !allowed.includes(directory),
  );
  const { targets = [], leftOut = [] } = Object.groupBy(named, (directory) =>
    foreign.includes(directory) ? "leftOut" : "targets",
  );
  checkTargets(targets, allowed);
  return { targets, leftOut };
}

/** @throws {Failure<"bad-disk">} */
export function checkDisks(disks: readonly string[], known: readonly string[]): void {
  const unknown = disks.find((disk) => !known.includes(disk));
  if (unknown === undefined && disks.length > 0) return;
  const flaw = unknown === undefined ? "no disk is named" : `${unknown} is no ephemeral disk`;
  throw new Failure("bad-disk", `cannot use the disks: ${flaw}; those of this machine: ${known.join(", ") || "none"}`);
}

/** @throws {Failure<"bad-target">} */
function checkTargets(targets: readonly string[], allowed: readonly string[]): void {
  const bad = targets.find(
    (target) => !allowed.includes(target) && !/^\/mnt(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$/.test(target),
  );
  if (bad === undefined) return;
  const expected = `one of ${allowed.join(", ")} or a directory below /mnt is expected`;
  throw new Failure("bad-target", `cannot bind ${bad}: ${expected}`);
}
