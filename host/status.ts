/** What the host is and how it does: the answer of GET /status. */
import { hostname, uptime } from "node:os";
import type { StatusBody } from "../api/status.ts";
import { osOf } from "./apiserver/model.ts";
import type { Remote } from "./apiserver/remote.ts";
import type { BootStatus } from "./boot.ts";
import type { Datastore } from "./datastore/datastore.ts";
import type { Facts } from "./facts.ts";
import type { Engine } from "./reconcile/engine.ts";
import type { Trial } from "./trial.ts";
import type { Updater } from "./update/updater.ts";

export type StatusSources = {
  facts: Facts;
  datastore: Datastore;
  engine: Engine;
  boot: BootStatus;
  trial: Trial;
  remote: Remote;
  updater: Updater;
  hostContainers: NonNullable<StatusBody["hostContainers"]>;
};

export function statusOf({
  facts,
  datastore,
  engine,
  boot,
  trial,
  remote,
  updater,
  hostContainers,
}: StatusSources): StatusBody {
  const reconcilers = engine.status();
  const good = datastore.lastGoodBoot();
  const running = trial.current();
  const remoteStatus = remote.status();
  const failing =
    boot.steps.some(({ state }) => state === "failed") ||
    reconcilers.some(({ state }) => state === "failing") ||
    hostContainers.some((container) => container.failing) ||
    remoteStatus.failure !== undefined;
  return {
    os: { ...osOf(facts), platform: facts.variant.platform },
    hostname: hostname(),
    uptimeSeconds: uptime(),
    state: isBooting(boot) ? "booting" : failing ? "degraded" : "running",
    boot: [...boot.steps],
    userData: { problems: [...boot.userData.problems] },
    settings: {
      version: datastore.version,
      pending: datastore.pendingNames(),
      ...(good === undefined ? {} : { lastGoodBoot: { version: good.version, at: good.at.toISOString() } }),
      repairs: [...datastore.repairs],
    },
    reconcilers,
    ...(hostContainers.length === 0 ? {} : { hostContainers }),
    rebootNeeded: engine.rebootNeeded(),
    ...(updater.held.length === 0 ? {} : { heldUpdates: updater.held }),
    ...(running === undefined ? {} : { trial: running }),
    remote: remoteStatus,
  };
}

function isBooting({ steps }: BootStatus): boolean {
  return steps.some(({ state }) => state === "waiting" || state === "running");
}
