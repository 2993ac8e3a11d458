/** Something on this host that does not hold, as whoever looks at it found it. */
import { messageOf } from "../../lib/failure.ts";

export type Ailment = {
  message: string;
  /**
   * By which the same ailment is known on another boot; it was there before when all of these were. Absent for what
   * nothing excuses: what settings ask for by name, and what could not be looked at.
   */
  known?: readonly string[];
};

/**
 * Looks at one thing. Whoever looks answers and never throws: what keeps a thing from being looked at is an ailment of
 * its own, neither health nor the end of the judging. Rejects only when the signal aborts.
 *
 * @param name what is looked at, as in "cannot tell NAME"
 */
export async function check(
  name: string,
  signal: AbortSignal,
  look: () => Promise<Ailment[]> | Ailment[],
): Promise<Ailment[]> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    return [{ message: `cannot tell ${name}: ${messageOf(error)}` }];
  }
}
