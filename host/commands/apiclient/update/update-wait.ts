/** `apiclient update wait`: how the last update of a host went. */
import type { StatusBody } from "../../../../api/status.ts";
import { KeptConnection } from "../../../../api/client/transport.ts";
import { machineClock } from "../../../../lib/clock.ts";
import { progress } from "../../../../lib/progress.ts";
import { apiCommand, type ClientContext } from "../context.ts";
import { timeoutOption } from "../wait/timeout-option.ts";
import { exitCodesText, until, waitExitCodes, type Judgement, type Waited } from "../wait/until.ts";

export type UpdateOutcome = { version: string };

/** What is meant by the last update, when more is known than that. */
export type Expected = {
  version?: string | undefined;
  /** When the host got the order to reboot, by the clock's `elapsedMs`. */
  rebootAtMs?: number;
};

export function judgeUpdate(
  { os, uptimeSeconds, update }: Pick<StatusBody, "os" | "uptimeSeconds" | "update">,
  { version: expected, rebootAtMs }: Expected,
  requestedAtMs: number,
): Judgement<UpdateOutcome> {
  const missing = (reason: string): Judgement<UpdateOutcome> => ({ kind: "missing", reason });
  const running = os.version_id;
  // The boot began then or later: the answer took its time.
  if (rebootAtMs !== undefined && requestedAtMs - uptimeSeconds * 1000 < rebootAtMs)
    return missing("it has not rebooted yet");
  switch (update?.stage) {
    case "working":
      return missing(`an update command is at work: ${update.command}`);
    case "ready":
      return missing(`version ${update.version} starts at the next boot`);
    case "on-trial":
      return missing([`version ${update.version} is on trial`, ...update.missing].join("; "));
    case "unknown":
      return missing(`the host cannot tell: ${update.reason}`);
    case "went-back":
      if (expected !== undefined && expected !== update.version) break;
      return {
        kind: "hopeless",
        reason: `went back from ${update.version} to ${running}: ${update.reason ?? "why is not known"}`,
      };
    case undefined:
      break;
  }
  if (expected === undefined || expected === running) return { kind: "there", result: { version: running } };
  return { kind: "hopeless", reason: `version ${expected} does not run here, and is not going to: ${running} runs` };
}

export async function waitForUpdate(
  { apiOver, signal }: ClientContext,
  expected: Expected,
  timeoutSeconds: number,
): Promise<Waited<UpdateOutcome>> {
  using kept = new KeptConnection();
  const host = await apiOver(kept);
  return await until({
    ask: async (soon) => await host.call("getStatus", { signal: soon }),
    judge: (status, requestedAtMs) => judgeUpdate(status, expected, requestedAtMs),
    timeoutSeconds,
    clock: machineClock,
    progress: () => progress("waiting for the update"),
    signal,
  });
}

export function updateOutcomeText(waited: Waited<UpdateOutcome>): string {
  if (waited.kind === "there") return `version ${waited.result.version} runs, and has nothing more to prove`;
  return waited.kind === "hopeless" ? waited.reason : `the update is not through ${waited.reason}`;
}

export const updateWait = apiCommand({
  name: "update wait",
  summary: "Wait until the last update has proved healthy, or the host went back from it",
  description: `Goes on through reboots and while the host cannot be reached. A host with no update under way is not waited for.
Exit code 0: the version that runs has nothing more to prove. 3: the host went back, and why is told.
${exitCodesText}`,
  examples: [
    { run: "apiclient update wait", description: "after `update apply --reboot`" },
    {
      run: "apiclient update wait 1.3.0 --timeout 1h",
      description: "fails also when another version is what runs in the end",
    },
  ],
  arguments: { version: { value: "VERSION", help: "The version that shall run in the end", optional: true } },
  options: { timeout: timeoutOption("30m") },
  run: async (context, { version, timeout }) => await waitForUpdate(context, { version }, timeout),
  print: updateOutcomeText,
  exitCode: ({ kind }) => waitExitCodes[kind],
});
