/** How full the machine is: memory and what waits for it, over the last hour, and file systems now. */
import type { Usage, UsageSample } from "../../api/machine-view.ts";
import { defined } from "../../lib/defined.ts";
import { systemErrorCode } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";

const sampleMs = 30_000;
const samplesMost = 120;

/** Where containers, logs and settings are kept. */
export const dataPlaces = ["/var", "/local", "/mnt/.ephemeral"] as const;
/** Kernels, too, which are as many as there are sets. */
const places = [...dataPlaces, "/efi"] as const;

export class UsageLog {
  readonly #system: System;
  /** With the time that had elapsed. */
  readonly #samples: { sample: UsageSample; elapsedMs: number }[] = [];

  constructor(system: System) {
    this.#system = system;
  }

  /** Until the signal aborts. */
  async keep(until: AbortSignal): Promise<never> {
    for (;;) {
      await this.#note();
      await this.#system.clock.sleep(sampleMs, until);
    }
  }

  async now(): Promise<Usage> {
    await this.#note();
    return {
      memoryBytes: this.#system.size().memoryBytes,
      samples: this.#samples.map(({ sample }) => sample),
      fileSystems: await fileSystemsOf(this.#system, places),
    };
  }

  /** Whoever asks sees this moment, which takes the place of a sample that is nearly as new. */
  async #note(): Promise<void> {
    const sample = await sampleOf(this.#system);
    if (sample === undefined) return;
    const elapsedMs = this.#system.clock.elapsedMs();
    const before = this.#samples.at(-2);
    if (before !== undefined && elapsedMs - before.elapsedMs < sampleMs) this.#samples.pop();
    this.#samples.push({ sample, elapsedMs });
    if (this.#samples.length > samplesMost) this.#samples.shift();
  }
}

/** See proc_meminfo(5) and the kernel's Documentation/accounting/psi.rst; a kernel may have no PSI. */
async function sampleOf(system: System): Promise<UsageSample | undefined> {
  const read = async (path: string): Promise<string> => (await readTextIfPresent(hostPath(system, path))) ?? "";
  const [memory, ...pressures] = await Promise.all([
    read("/proc/meminfo"),
    read("/proc/pressure/cpu"),
    read("/proc/pressure/memory"),
    read("/proc/pressure/io"),
  ]);
  const total = kilobytes(memory, "MemTotal");
  const available = kilobytes(memory, "MemAvailable");
  if (total === undefined || available === undefined) return undefined;
  const [cpu, ram, io] = pressures.map(waitingPercent);
  return {
    at: system.clock.now().toISOString(),
    memoryUsedBytes: (total - available) * 1024,
    pressure: defined({ cpu, memory: ram, io }),
  };
}

function kilobytes(text: string, name: string): number | undefined {
  const [, digits] = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function waitingPercent(text: string): number | undefined {
  const [, digits] = /^some avg10=([\d.]+)/m.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Those that are no file system of their own count once. */
export async function fileSystemsOf(system: System, paths: readonly string[]): Promise<Usage["fileSystems"]> {
  const known = new Map<number, Usage["fileSystems"][number]>();
  for (const path of paths) {
    try {
      const { device, ...space } = await system.space(path);
      known.getOrInsert(device, { path, ...space });
    } catch (error) {
      // What is not there, or cannot be looked at, is left out: the rest counts all the more.
      if (systemErrorCode(error) === undefined) throw error;
    }
  }
  return [...known.values()];
}
