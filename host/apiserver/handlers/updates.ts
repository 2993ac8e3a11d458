/** Updates: the commands of the updater, their status, and why this host has no newer version. */
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";

type UpdateEndpoints =
  | "refreshUpdates"
  | "prepareUpdate"
  | "activateUpdate"
  | "deactivateUpdate"
  | "releaseUpdate"
  | "getUpdateStatus"
  | "explainUpdates";

export function updateHandlers({ updater }: ApiContext): Handlers<UpdateEndpoints> {
  return {
    async refreshUpdates() {
      await updater.start("refresh");
    },
    async prepareUpdate() {
      await updater.start("prepare");
    },
    async activateUpdate() {
      await updater.start("activate");
    },
    async deactivateUpdate() {
      await updater.start("deactivate");
    },
    async releaseUpdate({ query }) {
      await updater.release(query.version);
    },
    async getUpdateStatus({ query }) {
      // Bottlerocket's clients take any other answer for the result of what they have just started.
      if (query.progress !== true) updater.assertFree();
      return updater.status();
    },
    explainUpdates: async ({ signal }) => updater.explain(signal()),
  };
}
