/**
 * Two clocks.
 *
 * `now` is for what people read, sign or keep. It jumps, both ways: chrony steps it soon after the boot, people set it,
 * batteries of hardware clocks run down. `elapsedMs` never jumps: every deadline, back-off, stall and interval is
 * measured by it. Whatever waits takes a `Clock`, so that tests can move the two apart.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { abortable } from "./abortable.ts";

export type Clock = {
  now(): Date;
  /** Milliseconds since the machine started; those that it slept count. */
  elapsedMs(): number;
  /** By `elapsedMs`. Rejects with the signal's reason when it aborts, also when it has aborted already. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

/** The end of a span of time that began when this was made. */
export type Deadline = {
  readonly passed: boolean;
  /** 0 when it has passed. */
  readonly leftMs: number;
};

export function deadline(clock: Pick<Clock, "elapsedMs">, ms: number): Deadline {
  const endMs = clock.elapsedMs() + ms;
  return {
    get passed() {
      return clock.elapsedMs() >= endMs;
    },
    get leftMs() {
      return Math.max(0, endMs - clock.elapsedMs());
    },
  };
}

/** What `promise` gives; undefined when that takes longer. Whatever makes it goes on. */
export async function within<Result>(
  clock: Pick<Clock, "sleep">,
  ms: number,
  promise: Promise<Result>,
): Promise<Result | undefined> {
  const over = new AbortController();
  const patience = clock.sleep(ms, over.signal).then(
    () => undefined,
    () => undefined, // it came in time
  );
  try {
    return await Promise.race([promise, patience]);
  } finally {
    over.abort();
  }
}

/** A timer of the runtime counts in 32 bits: one of more than 24.8 days fires at once. */
const longestTimerMs = 86_400_000;

/** The clocks of the computer that this runs on. */
export const machineClock: Clock = {
  now: () => new Date(),
  elapsedMs: process.platform === "linux" ? sinceBootMs : () => performance.now(),
  async sleep(ms, signal) {
    const end = deadline(machineClock, ms);
    do {
      await timer(Math.min(end.leftMs, longestTimerMs), signal);
    } while (!end.passed);
  },
};

async function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const pending = setTimeout(resolve, ms);
  try {
    await abortable(promise, signal);
  } finally {
    clearTimeout(pending);
  }
}

const CLOCK_BOOTTIME = 7;

/** Opened at the first call: a program that measures no time does not pay for it. */
let bootTime: (() => number) | undefined;

/** See clock_gettime(2). Neither Bun nor Node offers this clock, and /proc/uptime counts hundredths of a second. */
function sinceBootMs(): number {
  bootTime ??= openBootTime();
  return bootTime();
}

function openBootTime(): () => number {
  const { symbols } = dlopen("libc.so.6", {
    clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  });
  const time = new BigInt64Array(2);
  const address = ptr(time);
  return () => {
    symbols.clock_gettime(CLOCK_BOOTTIME, address);
    const [seconds = 0n, nanoseconds = 0n] = time;
    return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
  };
}
