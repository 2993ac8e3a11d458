/** Images come over a network that may still be coming up. */
import type { System } from "../../machine/system.ts";

/** 1, 2, 4, … s between them. */
const tries = 6;

/** @param isWorth whether what went wrong may go well the next time */
export async function tried<Result>(
  system: System,
  stop: AbortSignal,
  work: () => Promise<Result>,
  isWorth: (error: unknown) => boolean = () => true,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      stop.throwIfAborted();
      if (attempt === tries || !isWorth(error)) throw error;
      system.log.error("image: tried again", error);
      await system.clock.sleep(1000 * 2 ** (attempt - 1), stop);
    }
  }
}
