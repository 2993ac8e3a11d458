/** What an operator reads when the disk refuses. */
import { Failure, systemErrorCode } from "../../../lib/failure.ts";

/** `action` completes "cannot …". */
export function diskFailure(action: string, error: unknown): Failure<"disk-full" | "disk-error"> {
  if (isFull(error)) {
    return new Failure("disk-full", `cannot ${action}: no space is left on the private partition`, { cause: error });
  }
  const answer = systemErrorCode(error) ?? "with an error";
  return new Failure("disk-error", `cannot ${action}: the disk answered ${answer}`, { cause: error });
}

export function isFull(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === "ENOSPC" || code === "EDQUOT";
}
