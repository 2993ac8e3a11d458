/** The answers of GET /boot and GET /usage: how the machine came up, and how full it is. */
import { z } from "zod";

/** All times are seconds since the kernel started, by a clock that does not jump; before it, they are negative. */
const span = {
  startedSeconds: z.number().exactOptional(),
  /** Absent while it lasts. */
  tookSeconds: z.number().exactOptional(),
};

export const bootTimeline = z.object({
  /** Of the firmware on, as far as it told. */
  phases: z.array(z.object({ name: z.enum(["firmware", "boot loader", "kernel", "initrd", "userspace"]), ...span })),
  /** When the last job of the boot was done. */
  finishedSeconds: z.number().exactOptional(),
  /** What the daemon did, as in GET /status. */
  steps: z.array(
    z.object({
      step: z.string(),
      state: z.enum(["waiting", "running", "done", "failed", "skipped"]),
      ...span,
    }),
  ),
  /** Units that took part, by their start. */
  units: z.array(
    z.object({
      name: z.string(),
      /** As systemd calls it: "active", "failed". */
      state: z.string(),
      ...span,
    }),
  ),
  /** Units that waited for one another to the end of the boot, the first to start first. See systemd-analyze(1), critical-chain. */
  criticalPath: z.array(z.string()),
  /** Sentences about what could not be found out. */
  unknown: z.array(z.string()),
});
export type BootTimeline = z.infer<typeof bootTimeline>;

export const usageSample = z.object({
  at: z.iso.datetime(),
  memoryUsedBytes: z.number().int(),
  /** Share of the last ten seconds in which something waited, in percent: /proc/pressure, "some avg10". */
  pressure: z.object({
    cpu: z.number().exactOptional(),
    memory: z.number().exactOptional(),
    io: z.number().exactOptional(),
  }),
});
export type UsageSample = z.infer<typeof usageSample>;

export const usage = z.object({
  memoryBytes: z.number().int(),
  /** Of the last hour, the newest last. */
  samples: z.array(usageSample),
  fileSystems: z.array(
    z.object({
      path: z.string(),
      /** What programs have and may still take, as df(1) counts: not what is kept for the administrator. */
      sizeBytes: z.number().int(),
      /** What programs may still take. */
      availableBytes: z.number().int(),
    }),
  ),
});
export type Usage = z.infer<typeof usage>;
