/** A refusal of the API, as thrown by the server's handlers and again by the client that received it. */
import { Failure, isFailure, type FailureCode } from "../../lib/failure.ts";
import type { ProblemBody } from "../answers.ts";

export class Refused<Code extends FailureCode = FailureCode> extends Failure<Code> {
  /** What is wrong with the settings that were sent, each with its key. */
  readonly problems: readonly ProblemBody[];
  /** The HTTP status; undefined on the server, where `statuses` has it by the code. */
  readonly status: number | undefined;

  constructor(
    code: Code,
    message: string,
    options: { hint?: string; cause?: unknown; problems?: readonly ProblemBody[]; status?: number } = {},
  ) {
    super(code, message, options);
    this.problems = options.problems ?? [];
    this.status = options.status;
  }
}

/** Whether the same request may succeed in a moment: the host is starting, stopping, or has too much to do. */
export function isPassing(error: unknown): boolean {
  return isFailure(error, "cannot-connect") || (error instanceof Refused && error.status === 503);
}
