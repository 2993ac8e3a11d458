/**
 * Waiting until a host is as somebody wants it: its status is asked for again and again.
 *
 * A host that restarts, or that is not there yet, is waited for too. Each question has a limit of its own: whoever asks a
 * machine that was reset is never refused, and never answered.
 */
import { isPassing } from "../../../../api/client/refused.ts";
import type { StatusBody } from "../../../../api/status.ts";
import { deadline, type Clock } from "../../../../lib/clock.ts";
import { formatDuration } from "../../../../lib/duration.ts";
import { messageOf } from "../../../../lib/failure.ts";
import type { Progress } from "../../../../lib/progress.ts";

/** What a status means for the wait: the reason is what is still missing, or why it never comes. */
export type Judgement<Result> =
  | { kind: "there"; result: Result }
  | { kind: "missing"; reason: string }
  | { kind: "hopeless"; reason: string };

export type Waited<Result> =
  | { kind: "there"; result: Result }
  | { kind: "hopeless" | "timed-out" | "unreachable"; reason: string };

export const waitExitCodes = { there: 0, hopeless: 3, "timed-out": 4, unreachable: 5 } as const satisfies Record<
  Waited<unknown>["kind"],
  number
>;

/** For help texts. */
export const exitCodesText = `Exit code 4: the time was over. 5: the host could not be reached for 15 minutes.`;

const pollMs = 1_000;
const answerMs = 20_000;
/** A large machine takes minutes from its firmware to its API. */
const unreachableMs = 15 * 60_000;

export type WaitOptions<Result> = {
  ask: (signal: AbortSignal) => Promise<StatusBody>;
  /** @param requestedAtMs when the status was asked for, by the clock's `elapsedMs` */
  judge: (status: StatusBody, requestedAtMs: number) => Judgement<Result>;
  timeoutSeconds: number;
  clock: Clock;
  /** Made when the first look does not end it. */
  progress: () => Progress;
  signal: AbortSignal;
};

export async function until<Result>(waiting: WaitOptions<Result>): Promise<Waited<Result>> {
  const { ask, judge, timeoutSeconds, clock, signal } = waiting;
  const end = deadline(clock, timeoutSeconds * 1000);
  let silence = deadline(clock, unreachableMs);
  let bar: Progress | undefined;
  try {
    for (;;) {
      const requestedAtMs = clock.elapsedMs();
      const answer = await answered(ask, signal);
      if (answer.kind === "status") silence = deadline(clock, unreachableMs);
      const judgement: Judgement<Result> =
        answer.kind === "status" ? judge(answer.status, requestedAtMs) : { kind: "missing", reason: answer.reason };
      if (judgement.kind !== "missing") return judgement;
      if (silence.passed) return { kind: "unreachable", reason: judgement.reason };
      if (end.passed)
        return { kind: "timed-out", reason: `after ${formatDuration(timeoutSeconds)}: ${judgement.reason}` };
      bar ??= waiting.progress();
      bar.detail(judgement.reason);
      await clock.sleep(Math.min(pollMs, end.leftMs), signal);
    }
  } finally {
    bar?.[Symbol.dispose]();
  }
}

type Answer = { kind: "status"; status: StatusBody } | { kind: "none"; reason: string };

/** A host that does not answer, or that cannot answer now, says nothing about what is waited for. */
async function answered(ask: (signal: AbortSignal) => Promise<StatusBody>, signal: AbortSignal): Promise<Answer> {
  const soon = AbortSignal.timeout(answerMs);
  try {
    return { kind: "status", status: await ask(AbortSignal.any([signal, soon])) };
  } catch (error) {
    signal.throwIfAborted();
    if (soon.aborted) return { kind: "none", reason: `the host does not answer within ${answerMs / 1000} s` };
    if (!isPassing(error)) throw error;
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : "";
    return { kind: "none", reason: `${messageOf(error)}${cause}` };
  }
}
