/** What the handlers of the API get from the daemon. */
import { extensionStandings } from "../extensions/standing.ts";
import type { Failure } from "../../lib/failure.ts";
import type { Attestation } from "../attestation/attestation.ts";
import type { Changes } from "../apiserver/changes.ts";
import type { ApiContext } from "../apiserver/context.ts";
import type { CurrentSettings } from "../apiserver/current-settings.ts";
import type { Remote } from "../apiserver/server/remote.ts";
import { hostContainerStates } from "../containers/container-states.ts";
import { configuration } from "../files/all.ts";
import { generatorsOf } from "../generators/generate.ts";
import { listSetAside } from "../kept/set-aside.ts";
import { keptPlaces } from "../kept/things.ts";
import { ecsStatus } from "../node/ecs-agent.ts";
import { nvidiaStatus } from "../node/nvidia-status.ts";
import { NodeStatus } from "../node/node-status.ts";
import type { Reconciler } from "../reconcile/reconciler.ts";
import type { Updater } from "../update/updater.ts";
import { bootTimelineOf } from "../vitals/boot-timeline.ts";
import type { UsageLog } from "../vitals/usage.ts";
import { warningsOf } from "../vitals/warnings.ts";
import type { Audit } from "./audit.ts";
import type { BootHost, BootStatus } from "./boot.ts";
import { statusOf } from "./status.ts";
import type { Trial } from "./trial.ts";

/** The parts of the daemon that the API shows or moves. */
export type ApiHost = BootHost & {
  audit: Audit;
  attestation: Attestation;
  /** Why nobody can tell who ran which program, or run one. */
  auditUnusable: Failure | undefined;
  trial: Trial;
  changes: Changes;
  currentSettings: CurrentSettings;
  remote: Remote;
  updater: Updater;
  usageLog: UsageLog;
  allReconcilers: readonly Reconciler[];
  bootStatus: BootStatus;
  /** Aborts when the daemon is to stop. */
  stopping: AbortSignal;
};

export function apiContext(host: ApiHost): ApiContext {
  return {
    ...host,
    reconcilers: host.allReconcilers,
    configFiles: configuration,
    generators: new Map(generatorsOf(host.facts).map(({ key, description }) => [key, description])),
    status: statusSource(host),
    bootTimeline: async () => await bootTimelineOf(host.system, host.bootStatus.steps),
    usage: async () => await host.usageLog.now(),
  };
}

function statusSource(host: ApiHost): ApiContext["status"] {
  const { system, facts, datastore, currentSettings, bootStatus, stopping } = host;
  const nodeStatus = new NodeStatus(system, facts);
  return async () => {
    const settings = currentSettings.settings();
    const [hostContainers, extensions, node, ecs, nvidia, setAside, warnings] = await Promise.all([
      hostContainerStates(system, settings),
      extensionStandings(system, settings, facts.versionId),
      nodeStatus.now(settings, datastore.version, stopping),
      ecsStatus(system, facts, stopping),
      nvidiaStatus(system, facts),
      listSetAside(system, keptPlaces),
      warningsOf(system, settings),
    ]);
    return await statusOf({
      ...host,
      boot: bootStatus,
      hostContainers,
      extensions,
      node,
      ecs,
      nvidia,
      setAside,
      warnings,
    });
  };
}
