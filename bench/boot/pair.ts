/** Two machines that differ in one thing, by their boots: what that one thing costs. */
import { say } from "../../lib/progress.ts";
import type { Machine } from "../../vm/machine.ts";
import { median, type Figure } from "../report.ts";
import { bootFirst, bootOurs, size, type FirstBoot, type OurBoot } from "./our-boot.ts";

const rounds = 3;

type Side = "ours" | "peer";
type Measured = { first: FirstBoot; later: OurBoot[] };

/** Boots each once as it is made, and then both in turns. */
export async function comparePair(machines: Record<Side, Machine>, signal: AbortSignal): Promise<Figure[]> {
  const measured: Record<Side, Measured> = {
    ours: { first: await bootFirst(machines.ours, signal), later: [] },
    peer: { first: await bootFirst(machines.peer, signal), later: [] },
  };
  for (let round = 1; round <= rounds; round++) {
    say(`round ${round} of ${rounds}`);
    for (const side of ["ours", "peer"] as const) {
      measured[side].later.push((await bootOurs(machines[side], signal)).boot);
    }
  }
  return figuresOf(measured);
}

/** What the figures are made of. */
export const pairNotes: readonly string[] = [
  `one first boot each; medians of ${rounds} later boots each, in turns`,
  "processor time is until multi-user.target, a first boot's until configured.target, with firmware and boot loader",
  "memory in use: MemTotal less MemAvailable of /proc/meminfo; the kernel's own objects: Slab",
  `QEMU without KVM, ${size.cpus} processors, ${size.memoryMiB} MiB`,
];

function figuresOf({ ours, peer }: Record<Side, Measured>): Figure[] {
  const first = (name: string, key: keyof FirstBoot): Figure => ({
    name: `first boot, ${name}`,
    unit: "seconds",
    ours: ours.first[key],
    peer: peer.first[key],
  });
  const later = (name: string, unit: Figure["unit"], key: keyof OurBoot): Figure => ({
    name: `later boot, ${name}`,
    unit,
    ours: median(ours.later.map((boot) => boot[key])),
    peer: median(peer.later.map((boot) => boot[key])),
  });
  return [
    first("switched on to configured.target", "wall"),
    first("processor time of QEMU", "processor"),
    later("kernel to init of the real root", "seconds", "userspace"),
    later("kernel to API answering", "seconds", "api"),
    later("kernel to configured.target", "seconds", "configured"),
    later("kernel to multi-user.target", "seconds", "multiUser"),
    later("processor time of QEMU", "seconds", "processor"),
    later("memory in use once it has ended", "bytes", "usedBytes"),
    later("of it the kernel's own objects", "bytes", "slabBytes"),
  ];
}
