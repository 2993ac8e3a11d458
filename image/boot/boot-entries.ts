/**
 * What systemd-boot reads on the ESP of a new disk: one entry, for set A, known good; none for set B.
 *
 * Source: Boot Loader Specification, type 1. `docs/decisions/` tells how the two entries make an A/B switch.
 */
import type { ImageIdentity } from "../root/os-release.ts";

export type PartitionSet = "a" | "b";

/** Starts the best entry at once; nothing on the console can change what it starts with. */
export const loaderConfiguration = [
  "timeout 0",
  "editor no",
  "auto-entries no",
  "auto-firmware no",
  "auto-reboot no",
  "auto-poweroff no",
  "",
].join("\n");

/** Where the unified kernel image of a set is on the ESP. */
export function unifiedImagePath(set: PartitionSet): string {
  return `/EFI/orlop/${set}.efi`;
}

/** The file of a set's entry that is known good: without a counter in its name, systemd-boot does not count tries. */
export function goodEntryPath(set: PartitionSet): string {
  return `/loader/entries/orlop-${set}.conf`;
}

/** @param order the entry with the higher order is started, as long as it has tries left */
export function bootEntry(set: PartitionSet, { version }: Pick<ImageIdentity, "version">, order: number): string {
  return [
    `title Orlop ${version} (set ${set.toUpperCase()})`,
    "sort-key orlop",
    `version ${order}`,
    `efi ${unifiedImagePath(set)}`,
    "",
  ].join("\n");
}
