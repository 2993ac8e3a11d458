/** A refusal of the API, as thrown by the server's handlers and again by the client that received it. */
import { Failure } from "../lib/failure.ts";
import type { ProblemBody } from "./answers.ts";

export class Refused<Code extends string = string> extends Failure<Code> {
  /** What is wrong with the settings that were sent, each with its key. */
  readonly problems: readonly ProblemBody[];
  /** The HTTP status; undefined on the server, where a table decides it by the code. */
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
