/** `apiclient update`: look for updates, install one, take it back. */
import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import type { Client } from "../../../api/client.ts";
import { Refused } from "../../../api/refused.ts";
import type { updateStatus } from "../../../api/status.ts";
import { Failure } from "../../../lib/failure.ts";
import { apiCommand } from "./context.ts";

type UpdateStatus = z.infer<typeof updateStatus>;
type Action = UpdateStatus["most_recent_command"]["cmd_type"];

const endpoints = {
  refresh: "refreshUpdates",
  prepare: "prepareUpdate",
  activate: "activateUpdate",
  deactivate: "deactivateUpdate",
} as const;

/** As long as Bottlerocket's client waits. Preparing writes a whole image. */
const limitsMs: Record<Action, number> = { refresh: 10_000, prepare: 600_000, activate: 5_000, deactivate: 5_000 };
const pollMs = 200;

export const updateCheck = apiCommand({
  name: "update check",
  summary: "Look for updates and show what there is",
  examples: [{ run: "apiclient update check", says: "prints the status of updates" }],
  run: async ({ api, signal }) => await act(await api(), "refresh", signal),
});

export const updateApply = apiCommand({
  name: "update apply",
  summary: "Write the chosen update to the inactive partition set and make it boot next",
  examples: [{ run: "apiclient update apply --check --reboot", says: "looks for one first, and boots into it" }],
  options: {
    check: { type: "boolean", help: "Look for updates first", short: "c" },
    reboot: { type: "boolean", help: "Reboot into the update afterwards", short: "r" },
  },
  async run({ api: connected, signal, invocation }, { check, reboot }) {
    const api = await connected();
    const status = check ? await act(api, "refresh", signal) : await api.call("getUpdateStatus", { signal });
    switch (status.update_state) {
      case "Idle":
        invocation.note("apiclient: there is no update to apply");
        return status;
      case "Ready":
        invocation.note("apiclient: an update is applied already: reboot to start it");
        return status;
      case "Available":
      case "Staged": {
        await act(api, "prepare", signal);
        const ready = await act(api, "activate", signal);
        if (reboot) await api.call("reboot", { signal });
        return ready;
      }
    }
  },
});

export const updateCancel = apiCommand({
  name: "update cancel",
  summary: "Boot the running image again next time, not the update",
  examples: [{ run: "apiclient update cancel", says: "takes `update apply` back" }],
  run: async ({ api, signal }) => await act(await api(), "deactivate", signal),
});

/** Asks for an action and waits for that action's own result. */
async function act(api: Client, action: Action, signal: AbortSignal): Promise<UpdateStatus> {
  const before = await currentStatus(api, signal);
  await api.call(endpoints[action], { signal });
  const deadlineMs = performance.now() + limitsMs[action];
  while (performance.now() < deadlineMs) {
    const status = await currentStatus(api, signal);
    const command = status?.most_recent_command;
    const isNew = command?.cmd_type === action && command.timestamp !== before?.most_recent_command.timestamp;
    if (status !== undefined && command !== undefined && isNew) {
      if (command.cmd_status === "Success") return status;
      const reason = command.stderr?.trim() ?? `exit status ${command.exit_status ?? "unknown"}`;
      throw new Failure("update-failed", `cannot ${action} the update: ${reason}`);
    }
    await sleep(pollMs, undefined, { signal });
  }
  throw new Failure(
    "update-slow",
    `cannot tell how the update went: ${action} has no result after ${limitsMs[action] / 1000} s`,
    {
      hint: "see `apiclient get /updates/status`",
    },
  );
}

/** Undefined before the first refresh, and while another action holds the updater. */
async function currentStatus(api: Client, signal: AbortSignal): Promise<UpdateStatus | undefined> {
  try {
    return await api.call("getUpdateStatus", { signal });
  } catch (error) {
    if (error instanceof Refused && (error.status === 404 || error.status === 423)) return undefined;
    throw error;
  }
}
