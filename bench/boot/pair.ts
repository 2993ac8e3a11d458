/** Two machines that differ in one thing, by their boots: what that one thing costs. */
import { median, type Figure } from "../report.ts";
import type { OurBoot } from "./our-boot.ts";

export function figuresOf(ours: readonly OurBoot[], peer: readonly OurBoot[], kind: "first" | "later"): Figure[] {
  const row = (name: string, unit: Figure["unit"], key: keyof OurBoot): Figure => ({
    name: `${kind} boot, ${name}`,
    unit,
    ours: median(ours.map((boot) => boot[key])),
    peer: median(peer.map((boot) => boot[key])),
  });
  return [
    row("kernel to init of the real root", "seconds", "userspace"),
    row("kernel to API answering", "seconds", "api"),
    row("kernel to configured.target", "seconds", "configured"),
    row("kernel to multi-user.target", "seconds", "multiUser"),
    row("processor time of QEMU", "seconds", "processor"),
    row("memory in use once it has ended", "bytes", "usedBytes"),
    row("of it the kernel's own objects", "bytes", "slabBytes"),
  ];
}
