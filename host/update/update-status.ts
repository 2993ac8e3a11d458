/** What the API says about updates: Bottlerocket's shape (its sources/api/thar-be-updates), and progress beside it. */
import { defined } from "../../lib/defined.ts";
import type { UpdateStatusBody } from "../../api/status.ts";
import type { Download, LastCommand, Memory } from "./memory.ts";
import type { Pace } from "./fetch/progress-rate.ts";
import type { Standings } from "./boot/signpost.ts";
import type { UpdateImage, UpdateCommand, UpdateState } from "./state.ts";

const stateNames = { idle: "Idle", available: "Available", staged: "Staged", ready: "Ready" } as const;

export type Working = { command: UpdateCommand; step: "look" | "download" | "verify"; pace: Pace | undefined };

/** Undefined before the first command: there is no result to tell then. */
export function updateStatusOf(
  state: UpdateState,
  facts: { memory: Memory; standings: Standings | undefined; running: UpdateImage; working: Working | undefined },
): UpdateStatusBody | undefined {
  const { memory, standings, running, working } = facts;
  if (memory.last === undefined) return undefined;
  const isStaged = state.kind === "staged" || state.kind === "ready";
  return {
    update_state: stateNames[state.kind],
    available_updates: memory.available,
    chosen_update: "chosen" in state ? (state.chosen ?? null) : null,
    active_partition: { image: running, next_to_boot: standings === undefined || standings.next === standings.active },
    staging_partition: isStaged ? { image: state.staged, next_to_boot: state.kind === "ready" } : null,
    most_recent_command: lastCommand(memory.last),
    ...(working === undefined ? {} : { progress: progressOf(working) }),
    ...(memory.download === undefined ? {} : { download: downloadOf(memory.download) }),
  };
}

function lastCommand({ command, at, failure }: LastCommand): UpdateStatusBody["most_recent_command"] {
  return {
    cmd_type: command,
    cmd_status: failure === undefined ? "Success" : "Failed",
    timestamp: at,
    exit_status: failure === undefined ? 0 : 1,
    stderr: failure ?? "",
  };
}

function downloadOf({
  version,
  bytes,
  wholeBytes,
  from,
  fetched,
}: Download): NonNullable<UpdateStatusBody["download"]> {
  const done = { fetched_bytes: fetched?.bytes, fetched_from: fetched?.from };
  return { version, bytes, whole_bytes: wholeBytes, ...defined({ from, ...done }) };
}

function progressOf({ command, step, pace }: Working): NonNullable<UpdateStatusBody["progress"]> {
  if (pace === undefined) return { command, step };
  const { doneBytes, totalBytes, bytesPerSecond, secondsLeft } = pace;
  return {
    command,
    step,
    done_bytes: doneBytes,
    total_bytes: totalBytes,
    bytes_per_second: bytesPerSecond,
    ...defined({ seconds_left: secondsLeft }),
  };
}
