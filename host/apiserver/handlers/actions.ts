/** Actions: reboot, the trial of settings, the support archive, and updates. */
import { endpoints } from "../../../api/endpoints/contract.ts";
import { Failure } from "../../../lib/failure.ts";
import { Place } from "../../../lib/place.ts";
import { isPresent, removeIfPresent } from "../../../lib/files/files.ts";
import { archivePath } from "../../logdog/archive.ts";
import { actOnUnit, UnitFailure } from "../../machine/unit.ts";
import { hostPath } from "../../machine/system.ts";
import { isReadyToReboot, rebootNow } from "../../update/before-reboot.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "./handler.ts";
import { FileAnswer } from "../server/reply.ts";
import type { PassWaiters } from "./waiting.ts";

/** The unit's own limit, and a little: what it says then is the better reason. */
const archiveMs = 610_000;

type UpdateActions = "refreshUpdates" | "prepareUpdate" | "activateUpdate" | "deactivateUpdate" | "releaseUpdate";

export function actionHandlers(
  { system, changes, trial, updater }: ApiContext,
  waiting: PassWaiters,
): Handlers<
  "reboot" | "lockDown" | "confirm" | "revert" | "supportArchive" | UpdateActions | "getUpdateStatus" | "explainUpdates"
> {
  const archivePlace = new Place<"archive">(
    () => new Failure("support-archive-busy", "cannot make a support archive: one is being made for somebody else"),
  );
  return {
    async reboot({ caller, afterwards }) {
      system.log.info(`api: reboot as asked by ${JSON.stringify(caller.author)}`);
      if (!(await isReadyToReboot(system, updater))) {
        system.log.info("api: the reboot waits for bootstrap commands");
        return;
      }
      afterwards(async () => rebootNow(system));
    },
    async lockDown({ caller }) {
      await changes.lockDown();
      system.log.info(
        `api: settings are locked down until the next boot, as asked by ${JSON.stringify(caller.author)}`,
      );
    },
    async confirm() {
      await changes.exclusively(async () => trial.confirm());
    },
    async revert({ query, signal }) {
      const reverted = await changes.exclusively(async () => trial.revert("as asked"));
      return waiting.applied(reverted, query.wait, signal());
    },
    async supportArchive({ signal }) {
      using _held = archivePlace.acquire("archive");
      const [unit, path] = ["logdog.service", hostPath(system, archivePath)];
      await removeIfPresent(path); // an old one must not be taken for what is asked for
      await actOnUnit(system, "start", unit, { limitMs: archiveMs, signal: signal() });
      if (!(await isPresent(path))) {
        throw new UnitFailure(unit, `cannot fetch the support archive: ${unit} ended without one`, "", undefined);
      }
      return await FileAnswer.open(path, endpoints.supportArchive.download);
    },
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
