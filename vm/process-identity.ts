/**
 * Which process a number means: numbers are used again, so the moment of its start belongs to its name.
 *
 * Source: proc_pid_stat(5); the boot id distinguishes two starts of this computer.
 */
import { readdir, readFile } from "node:fs/promises";
import { z } from "zod";
import { machineClock } from "../lib/clock.ts";
import { isNotFound, systemErrorCode } from "../lib/failure.ts";

export const processIdentity = z.object({ pid: z.number().int(), startTicks: z.string(), bootId: z.string() });
export type ProcessIdentity = z.infer<typeof processIdentity>;

/** Undefined when there is no such process, or it has ended and only waits for its parent to take notice. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field, the name in parentheses, may hold spaces and parentheses of its own.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "", threads = "", startTicks = ""] = [fields[0], fields[17], fields[19]];
    // One whose first thread has ended keeps its files and sockets open until the last one has.
    if ((state === "Z" || state === "X") && Number(threads) <= 1) return undefined;
    return { pid, startTicks, bootId: await bootId() };
  } catch (error) {
    if (isNotFound(error) || systemErrorCode(error) === "ESRCH") return undefined;
    throw error;
  }
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Kills that process and no other; returns once it is gone. */
export async function kill(identity: ProcessIdentity): Promise<void> {
  while (await isAlive(identity)) {
    try {
      process.kill(identity.pid, "SIGKILL");
    } catch (error) {
      if (systemErrorCode(error) !== "ESRCH") throw error;
    }
    await machineClock.sleep(20);
  }
}

/** Resolves when the process is gone; rejects when the signal aborts first. */
export async function untilGone(identity: ProcessIdentity, signal: AbortSignal): Promise<void> {
  while (await isAlive(identity)) await machineClock.sleep(50, signal);
}

/** Processes that an interpreter runs that program in: those that have its path as their first argument. */
export async function processesOf(program: string): Promise<ProcessIdentity[]> {
  const running: ProcessIdentity[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name) || (await argumentsOf(name))[1] !== program) continue;
    const identity = await identify(Number(name));
    if (identity !== undefined) running.push(identity);
  }
  return running;
}

/** None of a process that has ended meanwhile. */
async function argumentsOf(pid: string): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  } catch (error) {
    if (isNotFound(error) || systemErrorCode(error) === "ESRCH") return [];
    throw error;
  }
}

export async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}
