/** What is done to a running host: a reboot, the lock-down of its settings, the end of a trial of them. */
import type { StorageBody } from "../../../api/status.ts";
import { Refused } from "../../../api/client/refused.ts";
import { kept } from "../../kept/things.ts";
import { storageNow } from "../../sealing/sealed.ts";
import { isReadyToReboot, rebootNow } from "../../update/before-reboot.ts";
import type { PassWaiters } from "../answers/pass-waiters.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";

export function actionHandlers(
  { system, changes, trial, updater }: ApiContext,
  waiting: PassWaiters,
): Handlers<"reboot" | "lockDown" | "takeRecoveryKey" | "confirm" | "revert"> {
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
    async takeRecoveryKey({ caller }) {
      return await changes.exclusively(async () => {
        const recoveryKey = await kept.recoveryKey.read(system);
        if (recoveryKey === undefined) throw noRecoveryKey(await storageNow(system));
        await kept.recoveryKey.remove(system);
        system.log.info(`api: the recovery key was handed out, as asked by ${JSON.stringify(caller.author)}`);
        return { recoveryKey };
      });
    },
    async confirm() {
      await changes.exclusively(async () => trial.confirm());
    },
    async revert({ query, signal }) {
      const reverted = await changes.exclusively(async () => trial.revert("as asked"));
      return waiting.applied(reverted, query.wait, signal());
    },
  };
}

function noRecoveryKey({ encryption }: StorageBody): Refused<"no-recovery-key"> {
  const why =
    encryption === "none"
      ? "the partitions of this host are not encrypted"
      : "it was handed out already, and is not kept";
  return new Refused("no-recovery-key", `cannot hand out the recovery key: ${why}`);
}
