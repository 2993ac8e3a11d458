/** The steps of a release, one after the other; the first that fails ends it. */
import { afterFailure, Failure, messageOf } from "../../lib/failure.ts";
import { say } from "../../lib/progress.ts";

export type ReleaseStep = {
  name: string;
  /** @returns what was found, in a few words */
  run(signal: AbortSignal): Promise<string>;
};

export type StepOutcome = { step: string; state: "done" | "failed" | "not done"; detail: string };

/**
 * @param keep is told how far it is after each step
 * @throws {Failure<"release-stopped">} with the steps that were not done
 */
export async function walk(
  steps: readonly ReleaseStep[],
  keep: (outcomes: readonly StepOutcome[]) => Promise<void>,
  signal: AbortSignal,
): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = steps.map(({ name }) => ({ step: name, state: "not done", detail: "" }));
  for (const [at, step] of steps.entries()) {
    signal.throwIfAborted();
    const { name } = step;
    try {
      const detail = await step.run(signal);
      outcomes[at] = { step: name, state: "done", detail };
      say(`${name}: ${detail}`);
    } catch (cause) {
      outcomes[at] = { step: name, state: "failed", detail: messageOf(cause) };
      const left = steps.slice(at + 1).map((later) => later.name);
      const rest = left.length === 0 ? "" : `; not done: ${left.join(", ")}`;
      throw await afterFailure(
        new Failure("release-stopped", `cannot release: the step ${name} failed${rest}`, { cause }),
        async () => await keep(outcomes),
      );
    }
    await keep(outcomes);
  }
  return outcomes;
}
