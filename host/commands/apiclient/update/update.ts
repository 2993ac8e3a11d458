/** `apiclient update`: look for updates, install one, take it back, and say why this host has none. */
import type { Client } from "../../../../api/client/client.ts";
import { isPassing } from "../../../../api/client/refused.ts";
import type { UpdateExplanation, UpdateStatusBody } from "../../../../api/status.ts";
import { Failure, isFailure } from "../../../../lib/failure.ts";
import { formatBytes, progress, type Progress } from "../../../../lib/progress.ts";
import { deadline, machineClock } from "../../../../lib/clock.ts";
import { usageFailure } from "../../../../lib/command/command.ts";
import { apiCommand, type ClientContext } from "../context.ts";
import { timeoutOption } from "../wait/timeout-option.ts";
import { waitExitCodes, type Waited } from "../wait/until.ts";
import { updateOutcomeText, waitForUpdate, type UpdateOutcome } from "./update-wait.ts";

type Action = UpdateStatusBody["most_recent_command"]["cmd_type"];

const endpointOf = {
  refresh: "refreshUpdates",
  prepare: "prepareUpdate",
  activate: "activateUpdate",
  deactivate: "deactivateUpdate",
} as const;

/** How long an action may show neither progress nor a result. */
const silenceMs = 30_000;
const pollMs = 200;

export const updateCheck = apiCommand({
  name: "update check",
  summary: "Look for updates and show what there is",
  examples: [{ run: "apiclient update check", description: "prints the status of updates" }],
  run: async ({ api, signal }) => await act(await api(), "refresh", signal),
});

export const updateApply = apiCommand({
  name: "update apply",
  summary: "Write the chosen update to the inactive partition set and make it boot next",
  description: `With --wait it ends when the new version has proved healthy, or the host went back from it, with the exit code
of \`apiclient update wait\`.`,
  examples: [
    { run: "apiclient update apply --check --reboot", description: "looks for one first, and boots into it" },
    { run: "apiclient update apply --reboot --wait", description: "and tells whether it proved healthy" },
  ],
  options: {
    check: { type: "boolean", help: "Look for updates first", short: "c" },
    reboot: { type: "boolean", help: "Reboot into the update afterwards", short: "r" },
    wait: { type: "boolean", help: "Wait until the version that was rebooted into has proved healthy", short: "w" },
    timeout: timeoutOption("30m"),
  },
  async run(context, { check, reboot, wait, timeout }): Promise<AppliedUpdate> {
    if (wait && !reboot) throw usageFailure("--wait needs --reboot: an update that is not started proves nothing");
    const { api: connected, signal, invocation } = context;
    const api = await connected();
    const status = check ? await act(api, "refresh", signal) : await api.call("getUpdateStatus", { signal });
    switch (status.update_state) {
      case "Idle":
        if (!check) throw nothingToApply("there is none", "`apiclient update check` looks for one");
        invocation.note("apiclient: there is no update to apply; `apiclient update explain` says why");
        return { status };
      case "Ready":
        if (reboot) return { status, ...(await rebooted(context, api, status, wait ? timeout : undefined)) };
        if (!check) throw nothingToApply("one is applied already", "`apiclient reboot` starts it");
        invocation.note("apiclient: an update is applied already: reboot to start it");
        return { status };
      case "Available":
      case "Staged": {
        await act(api, "prepare", signal);
        const ready = await act(api, "activate", signal);
        return { status: ready, ...(reboot ? await rebooted(context, api, ready, wait ? timeout : undefined) : {}) };
      }
    }
  },
  print: ({ status, outcome }) =>
    outcome === undefined ? JSON.stringify(status, null, 2) : updateOutcomeText(outcome),
  exitCode: ({ outcome }) => (outcome === undefined ? 0 : waitExitCodes[outcome.kind]),
});

/** As in Bottlerocket, nothing to apply is an outcome for whoever looked first, and else a failure. */
function nothingToApply(reason: string, hint: string): Failure<"no-update"> {
  return new Failure("no-update", `cannot apply an update: ${reason}`, { hint });
}

type AppliedUpdate = { status: UpdateStatusBody; outcome?: Waited<UpdateOutcome> };

/** Reboots, and waits for the outcome when there is a limit. */
async function rebooted(
  context: ClientContext,
  api: Client,
  { staging_partition: staging }: UpdateStatusBody,
  timeoutSeconds: number | undefined,
): Promise<Pick<AppliedUpdate, "outcome">> {
  const rebootAtMs = machineClock.elapsedMs();
  await api.call("reboot", { signal: context.signal });
  if (timeoutSeconds === undefined) return {};
  return { outcome: await waitForUpdate(context, { version: staging?.image.version, rebootAtMs }, timeoutSeconds) };
}

export const updateCancel = apiCommand({
  name: "update cancel",
  summary: "Boot the running image again next time, not the update",
  examples: [{ run: "apiclient update cancel", description: "takes `update apply` back" }],
  run: async ({ api, signal }) => await act(await api(), "deactivate", signal),
});

export const updateExplain = apiCommand({
  name: "update explain",
  summary: "Say when this host sees which version, and what holds the others",
  examples: [{ run: "apiclient update explain", description: "waves, locks, recalls, and versions that failed here" }],
  run: async ({ api, signal }) => await (await api()).call("explainUpdates", { signal }),
  print: explanationText,
});

export const updateRelease = apiCommand({
  name: "update release",
  summary: "Let a version that failed on this host be tried again",
  examples: [{ run: "apiclient update release 1.3.0", description: "the next `update check` may choose it" }],
  arguments: { version: { value: "VERSION", help: "As `apiclient update explain` lists it" } },
  async run({ api, signal }, { version }) {
    await (await api()).call("releaseUpdate", { query: { version }, signal });
  },
});

export function explanationText({
  running,
  proved,
  seed,
  chosen,
  versions,
  missingKit,
  missingExtensions,
  held,
  ...times
}: UpdateExplanation): string {
  const plan = chosen === undefined ? "Nothing to update to." : `Would update to ${chosen} now.`;
  return [
    `Runs ${running.version} (${running.variant}, ${running.arch})${proved ? "" : ", which is on trial"}; seed ${seed}.`,
    plan,
    ...versions.flatMap(({ version, download, holds }) => [
      `${version}${version === running.version ? " (running)" : ""}${holds.length === 0 ? ": nothing holds it" : ":"}`,
      ...(download === undefined ? [] : [`  ${downloadText(download)}`]),
      ...holds.map((hold) => `  ${hold.says}`),
    ]),
    ...(missingKit === undefined ? [] : [missingKitText(missingKit)]),
    ...(missingExtensions === undefined ? [] : [missingExtensionsText(missingExtensions)]),
    ...(held.length === 0 ? [] : [`Held after failing here: ${held.map(({ version }) => version).join(", ")}.`]),
    `Metadata as of ${times.checkedAt}, good until ${times.metadataExpires}.`,
  ].join("\n");
}

function missingKitText({ version, modules, kit }: NonNullable<UpdateExplanation["missingKit"]>): string {
  const loaded = modules.length === 1 ? `the module ${modules[0]}` : `the modules ${modules.join(", ")}`;
  return `Warning: ${loaded} may not load in ${version}: the repository has no ${kit} to build for its kernel.`;
}

function missingExtensionsText({ version, names }: NonNullable<UpdateExplanation["missingExtensions"]>): string {
  const lost = names.length === 1 ? `the extension ${names[0]} is` : `the extensions ${names.join(", ")} are`;
  return `Warning: ${lost} not in /usr of ${version}: the repository has none that was made for it.`;
}

function downloadText({
  bytes,
  wholeBytes,
  from,
}: NonNullable<UpdateExplanation["versions"][number]["download"]>): string {
  const source = from === undefined ? "" : `, by a patch from ${from}; without it ${formatBytes(wholeBytes)}`;
  return `takes ${formatBytes(bytes)}${source}`;
}

/** Asks for an action and waits for that action's own result, with a bar while bytes move. */
async function act(api: Client, action: Action, signal: AbortSignal): Promise<UpdateStatusBody> {
  const before = commandOf(await lookAt(api, signal));
  await api.call(endpointOf[action], { signal });
  using bar = new StepBar();
  for (let patience = deadline(machineClock, silenceMs); ;) {
    const status = await lookAgain(api, signal);
    const command = commandOf(status);
    if (typeof status === "object" && command?.cmd_type === action && command.timestamp !== before?.timestamp) {
      if (command.cmd_status === "Success") return status;
      const reason = command.stderr?.trim() ?? `exit status ${command.exit_status ?? "unknown"}`;
      throw new Failure("update-failed", `cannot ${action} the update: ${reason}`);
    }
    const progress = typeof status === "object" ? status.progress : undefined;
    if (status === "at work" || progress !== undefined) patience = deadline(machineClock, silenceMs);
    if (progress !== undefined) bar.show(progress);
    if (patience.passed) {
      throw new Failure("update-slow", `cannot tell how the update went: nothing was heard for ${silenceMs / 1000} s`, {
        hint: "see `apiclient get /updates/status`",
      });
    }
    await machineClock.sleep(pollMs, signal);
  }
}

const commandOf = (status: UpdateStatusBody | "never" | "at work" | "away") =>
  typeof status === "object" ? status.most_recent_command : undefined;

/** One bar for each step that moves bytes. */
class StepBar implements Disposable {
  #step: string | undefined;
  #bar: Progress | undefined;
  #shownBytes = 0;

  show({ step, done_bytes: done, total_bytes: total }: NonNullable<UpdateStatusBody["progress"]>): void {
    if (done === undefined || total === undefined || total === 0) return;
    if (step !== this.#step) {
      this[Symbol.dispose]();
      this.#step = step;
      this.#shownBytes = 0;
      this.#bar = progress(step === "download" ? "writing the update" : "verifying it", total);
    }
    this.#bar?.advance(done - this.#shownBytes);
    this.#shownBytes = done;
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]();
    this.#bar = undefined;
  }
}

/** "away" while the daemon starts anew: it tells then what became of the command. */
async function lookAgain(api: Client, signal: AbortSignal): Promise<Awaited<ReturnType<typeof lookAt>> | "away"> {
  try {
    return await lookAt(api, signal);
  } catch (error) {
    if (isPassing(error)) return "away";
    throw error;
  }
}

/** "never" before the first command, "at work" while that runs: neither has a result to show. */
async function lookAt(api: Client, signal: AbortSignal): Promise<UpdateStatusBody | "never" | "at work"> {
  try {
    return await api.call("getUpdateStatus", { query: { progress: true }, signal });
  } catch (error) {
    if (isFailure(error, "no-update-status")) return "never";
    if (isFailure(error, "update-busy")) return "at work";
    throw error;
  }
}
