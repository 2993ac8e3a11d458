/**
 * A small machine for tests: real files under a temporary root, programs that answer as the test says and are
 * recorded, a clock that jumps, real HTTP.
 */
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { abortable } from "../../../lib/abortable.ts";
import { explain, Failure } from "../../../lib/failure.ts";
import { readTextIfPresent } from "../../../lib/files/files.ts";
import { followingRedirects } from "../../../lib/files/http-redirects.ts";
import { type Answer, type Argv, succeeded } from "../../../lib/program/process.ts";
import { maskShapes } from "../../../host/masking/masker.ts";
import { realStorage } from "../../../host/machine/storage.ts";
import type { RunLimits, Space, System } from "../../../host/machine/system.ts";
import { withoutTpm } from "../../../host/machine/tpm.ts";

/** What a program does when it is run: prints the text and exits 0, or answers as it says. */
export type RecordedProgram = (argv: Argv, limits: RunLimits) => string | Answer | Promise<string | Answer>;

export type TestSystem = AsyncDisposable & {
  readonly system: System;
  /** Every command line that was run, arguments joined by spaces. */
  readonly ran: string[];
  readonly logged: string[];
  /** By base name; a program that is not here does not exist on this machine. */
  readonly programs: Map<string, RecordedProgram>;
  /** Of the file systems that paths lie on; half of 20 GiB is free where a test says nothing else. */
  readonly spaces: Map<string, Space>;
  /** How many sleep, on a clock that stands. */
  sleeping(): number;
  /** How many sleeps have begun. */
  sleeps(): number;
  /** Lets time elapse, and wakes who slept until then. */
  advance(ms: number): Promise<void>;
  /** As when it is switched on: time elapses from the beginning, under another boot id. */
  boot(): Promise<void>;
  /** Sets the clock that people read forward or back, as chrony does. No time elapses. */
  stepClock(ms: number): void;
  write(path: string, text: string, encoding?: "utf8" | "latin1"): Promise<void>;
  read(path: string, encoding?: "utf8" | "latin1"): Promise<string>;
  readIfPresent(path: string): Promise<string | undefined>;
};

export type TestSystemOptions = {
  /** "jumps": during a sleep its time elapses at once; "stands": a sleep lasts until `advance`. */
  clock?: "jumps" | "stands";
  fetch?: System["fetch"];
  /** Without it, the machine has no links. */
  interfaces?: System["interfaces"];
  /** Without it, nobody answers. */
  dns?: Partial<System["dns"]>;
  /** Without it, files below the root. */
  storage?: System["storage"];
  startsAt?: Date;
  /** Without it, the machine has none. */
  tpm?: System["tpm"];
};

/** How long the machine has been up when the daemon starts. */
const bootMs = 10_000;

type Sleeper = { untilMs: number; wake: () => void };

export async function testSystem(options: TestSystemOptions = {}): Promise<TestSystem> {
  const root = await mkdtemp(join(tmpdir(), "orlop-root-"));
  const { clock = "jumps" } = options;
  let nowMs = (options.startsAt ?? new Date("2026-01-01T00:00:00Z")).getTime();
  let elapsedMs = bootMs;
  const elapse = (ms: number): void => {
    nowMs += ms;
    elapsedMs += ms;
  };
  let sleepers: Sleeper[] = [];
  let sleeps = 0;
  const ran: string[] = [];
  const logged: string[] = [];
  const programs = new Map<string, RecordedProgram>();
  const spaces = new Map<string, Space>();

  const answerOf = async (argv: Argv, limits: RunLimits = {}): Promise<Answer> => {
    ran.push(argv.join(" "));
    const program = programs.get(argv[0]);
    if (program === undefined) throw new Failure("no-such-program", `cannot run ${argv[0]}: it was not found`);
    const answer = await program(argv, limits);
    return typeof answer === "string" ? { stdout: answer, stderr: "", exitCode: 0 } : answer;
  };
  const system: System = {
    root,
    clock: {
      now: () => new Date(nowMs),
      elapsedMs: () => elapsedMs,
      async sleep(ms, signal) {
        signal?.throwIfAborted();
        sleeps++;
        if (clock === "jumps") {
          elapse(ms);
          await turn(); // lets real files and sockets go on, as a real sleep would
          signal?.throwIfAborted();
          return;
        }
        const { promise, resolve } = Promise.withResolvers<undefined>();
        const sleeper = { untilMs: elapsedMs + ms, wake: () => resolve(undefined) };
        sleepers.push(sleeper);
        try {
          await abortable(promise, signal);
        } finally {
          sleepers = sleepers.filter((each) => each !== sleeper);
        }
      },
    },
    ask: answerOf,
    run: async (argv, limits) => succeeded(argv, await answerOf(argv, limits)).stdout,
    size: () => ({ processors: 2, memoryBytes: 4 * 1024 ** 3 }),
    interfaces: options.interfaces ?? (() => ({})),
    space: async (path) => {
      await stat(join(root, path));
      return spaces.get(path) ?? { device: 0, sizeBytes: 20 * 1024 ** 3, availableBytes: 10 * 1024 ** 3 };
    },
    dns: { addressesOf: async () => [], namesOf: async () => [], ...options.dns },
    fetch: followingRedirects(options.fetch ?? fetch),
    storage: options.storage ?? realStorage,
    tpm: options.tpm ?? withoutTpm,
    log: {
      info: (message) => void logged.push(message),
      error: (message, error) => void logged.push(`${message}: ${explain(error)}`),
    },
    mask: maskShapes,
  };

  return {
    system,
    ran,
    logged,
    programs,
    spaces,
    sleeping: () => sleepers.length,
    sleeps: () => sleeps,
    async advance(ms) {
      elapse(ms);
      const due = sleepers.filter(({ untilMs }) => untilMs <= elapsedMs);
      sleepers = sleepers.filter(({ untilMs }) => untilMs > elapsedMs);
      for (const { wake } of due) wake();
      await turn();
    },
    async boot() {
      nowMs += bootMs;
      elapsedMs = bootMs;
      sleepers = [];
      const path = join(root, "proc/sys/kernel/random/boot_id");
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${randomUUID()}\n`);
    },
    stepClock(ms) {
      nowMs += ms;
    },
    async write(path, text, encoding = "utf8") {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text, encoding);
    },
    read: (path, encoding = "utf8") => readFile(join(root, path), encoding),
    readIfPresent: (path) => readTextIfPresent(join(root, path)),
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true });
    },
  };
}

/** A program that prints `stderr` there and exits with `exitCode`. */
export function exits(exitCode: number, stderr: string): RecordedProgram {
  return () => ({ stdout: "", stderr, exitCode });
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
