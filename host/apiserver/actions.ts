/** Actions: reboot, the trial of settings, and updates. */
import { Refused } from "../../api/refused.ts";
import type { ApiContext } from "./context.ts";
import type { Handlers } from "./handlers.ts";
import type { Waiting } from "./waiting.ts";

type UpdateActions = "refreshUpdates" | "prepareUpdate" | "activateUpdate" | "deactivateUpdate" | "getUpdateStatus";

export function actionHandlers(
  { system, changes, trial }: ApiContext,
  waiting: Waiting,
): Handlers<"reboot" | "confirm" | "revert" | UpdateActions> {
  return {
    async reboot({ caller }) {
      system.log.info(`api: reboot as asked by ${JSON.stringify(caller.author)}`);
      // Returns as soon as the reboot is scheduled, so the answer still gets out.
      await system.run(["systemctl", "--no-block", "reboot"]);
    },
    async confirm() {
      await changes.exclusively(async () => trial.confirm());
    },
    async revert({ query, signal }) {
      const reverted = await changes.exclusively(async () => trial.revert("as asked"));
      return waiting.applied(reverted, query.wait, signal());
    },
    refreshUpdates: () => refuse("look for updates"),
    prepareUpdate: () => refuse("prepare an update"),
    activateUpdate: () => refuse("activate an update"),
    deactivateUpdate: () => refuse("deactivate an update"),
    getUpdateStatus: () => refuse("tell the status of updates"),
  };
}

/**
 * 404 is what Bottlerocket's clients know from a host that was never asked for updates or has none ("update does not
 * exist", "status uninitialised"); all of them show the text.
 */
function refuse(verb: string): never {
  throw new Refused("no-updater", `cannot ${verb}: this image has no updater`);
}
