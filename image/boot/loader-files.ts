/**
 * What systemd-boot reads on the ESP of a new disk: its configuration, and one entry, for set A, known good; none for set B.
 *
 * How an entry is written is the host's to say, which writes all later ones. Source: loader.conf(5).
 */
import { entryName, entryText, kernelPath, type BootEntry } from "../../host/update/boot/boot-entry.ts";

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

/** Where the unified kernel image of a new disk is on its ESP. */
export const firstKernelPath = kernelPath("a");

export function firstEntry(version: string): { path: string; text: string } {
  const entry: BootEntry = { set: "a", priority: 1, standing: { kind: "successful" }, version };
  return { path: `/loader/entries/${entryName(entry)}`, text: entryText(entry) };
}
