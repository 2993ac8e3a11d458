/** Follows what a host container prints: the host answers its last lines, and what is behind the last known ones is new. */
import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../lib/clock.ts";
import { explain, isFailure } from "../../lib/failure.ts";
import type { LogPart } from "../view.ts";
import type { Veil } from "./veil.ts";

const pollMs = 1_000;
/** The host gives no more. */
const linesMost = 1_000;

type Following = { client: Client; veil: Veil; clock: Clock };

/** Until the signal aborts. */
export async function followLog(
  { client, veil, clock }: Following,
  name: string,
  send: (part: LogPart) => void,
  signal: AbortSignal,
): Promise<void> {
  let known: readonly string[] = [];
  let reason: string | undefined;
  // That nothing was printed yet is an answer, too.
  let isFirst = true;
  while (!signal.aborted) {
    try {
      const query = { name, lines: linesMost };
      const [container] = await client.call("getHostContainers", { query, signal });
      const lines = container?.log ?? [];
      const fresh = newLines(known, lines);
      known = lines;
      const hadReason = reason !== undefined;
      reason = undefined;
      if (fresh.length > 0 || hadReason || isFirst) send({ lines: fresh.map((line) => veil.text(line)) });
      isFirst = false;
    } catch (error) {
      if (signal.aborted) return;
      const now = veil.text(explain(error));
      if (now !== reason) send({ lines: [], reason: now });
      reason = now;
      if (isFailure(error, "forbidden")) return;
    }
    await clock.sleep(pollMs, signal).catch(() => undefined);
  }
}

/** What of `lines` came after `known`, where both are the last lines of one log. */
export function newLines(known: readonly string[], lines: readonly string[]): readonly string[] {
  // The longest end of what is known with which the lines begin, or which they have somewhere near their end.
  for (let shift = 0; shift <= known.length; shift++) {
    const overlap = Math.min(known.length - shift, lines.length);
    if (overlap === 0) break;
    if (
      known.slice(shift, shift + overlap).every((line, at) => lines[at] === line) &&
      shift + overlap === known.length
    ) {
      return lines.slice(overlap);
    }
  }
  return lines;
}
