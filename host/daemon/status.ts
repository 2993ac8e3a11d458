/** What the host is and how it does: the answer of GET /status. */
import { readTextIfPresent } from "../../lib/files/files.ts";
import type { StatusBody } from "../../api/status.ts";
import { defined } from "../../lib/defined.ts";
import type { Failure } from "../../lib/failure.ts";
import type { Changes } from "../apiserver/changes.ts";
import type { Remote } from "../apiserver/server/remote.ts";
import { haltedBy, type BootStatus } from "./boot.ts";
import { bootstrapNow } from "../bootstrap/now.ts";
import type { Datastore } from "../datastore/datastore.ts";
import { osOf, type Facts } from "../machine/facts.ts";
import { readBootId } from "../kept/kept-deadline.ts";
import { keptCrash } from "../kdump/kept.ts";
import type { Engine } from "../reconcile/engine.ts";
import type { SetAside } from "../kept/set-aside.ts";
import { securityMode } from "../machine/security-mode.ts";
import { hostPath, type System } from "../machine/system.ts";
import { storageNow } from "../sealing/sealed.ts";
import type { Trial } from "./trial.ts";
import type { Updater } from "../update/updater.ts";

/** See proc_sys_kernel(5). */
const hostnamePath = "/proc/sys/kernel/hostname";

export type StatusSources = {
  system: System;
  facts: Facts;
  datastore: Datastore;
  engine: Engine;
  boot: BootStatus;
  trial: Trial;
  changes: Changes;
  remote: Remote;
  updater: Updater;
  hostContainers: NonNullable<StatusBody["hostContainers"]>;
  extensions: NonNullable<StatusBody["extensions"]>;
  node: StatusBody["node"];
  ecs: StatusBody["ecs"];
  nvidia: StatusBody["nvidia"];
  setAside: readonly SetAside[];
  /** What will be wrong soon. */
  warnings: readonly string[];
  /** Why nobody can tell who ran which program, or run one. */
  auditUnusable: Failure | undefined;
};

export async function statusOf(sources: StatusSources): Promise<StatusBody> {
  const {
    system,
    facts,
    datastore,
    engine,
    boot,
    trial,
    changes,
    remote,
    updater,
    hostContainers,
    extensions,
    node,
    ecs,
    nvidia,
    setAside,
    warnings,
    auditUnusable,
  } = sources;
  // Before what they lead to: the last step writes down what prepares the machine, and once it is done that is there.
  const steps = [...boot.steps];
  const bootstrap = await bootstrapNow(system);
  const unknown = [bootstrap.unknown, auditUnusable?.message].filter((sentence) => sentence !== undefined);
  const crashedAt = await keptCrash(system);
  const halted = haltedBy(boot) ?? bootstrap.halted;
  const reconcilers = engine.status();
  const good = datastore.lastGoodBoot();
  const running = trial.current();
  const update = await updater.lastUpdate();
  const remoteStatus = remote.status();
  const failing =
    steps.some(({ state }) => state === "failed") ||
    bootstrap.entries.some(({ state }) => state === "failed") ||
    halted !== undefined ||
    reconcilers.some(({ state }) => state === "failing") ||
    hostContainers.some((container) => container.failing) ||
    extensions.some((each) => each.state === "refused") ||
    node?.ready === false ||
    ecs?.ready === false ||
    remoteStatus.failure !== undefined;
  return {
    os: { ...osOf(facts), platform: facts.variant.platform },
    hostname: (await readTextIfPresent(hostPath(system, hostnamePath)))?.trim() ?? "",
    ...defined({ bootId: await readBootId(system) }),
    uptimeSeconds: system.clock.elapsedMs() / 1000,
    state:
      halted === undefined &&
      (isBooting([...steps, ...bootstrap.entries]) || extensions.some((each) => each.state === "merging"))
        ? "booting"
        : failing
          ? "degraded"
          : "running",
    boot: steps.map(({ step, state, failure }) => ({ step, state, ...defined({ failure }) })),
    ...(bootstrap.entries.length === 0 ? {} : { bootstrap: bootstrap.entries }),
    ...defined({ halted }),
    userData: { problems: [...boot.userData.problems] },
    settings: {
      version: datastore.version,
      pending: datastore.pendingNames(),
      ...(good === undefined ? {} : { lastGoodBoot: { version: good.version, at: good.at.toISOString() } }),
      ...(changes.areLockedDown ? { lockedDown: true as const } : {}),
      repairs: [...datastore.repairs],
    },
    reconcilers,
    ...(hostContainers.length === 0 ? {} : { hostContainers }),
    ...(extensions.length === 0 ? {} : { extensions }),
    ...defined({ node, ecs, nvidia }),
    rebootNeeded: engine.rebootNeeded(),
    ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
    selinux: await securityMode(system),
    storage: await storageNow(system),
    ...defined({ update }),
    ...(updater.held.length === 0 ? {} : { heldUpdates: updater.held }),
    ...(crashedAt === undefined ? {} : { kernelCrash: { at: crashedAt.toISOString() } }),
    ...defined({ trial: running }),
    ...(setAside.length === 0
      ? {}
      : {
          setAside: setAside.map(({ path, at, movedTo, whenLost }) => ({
            path,
            at: at.toISOString(),
            movedTo,
            effect: whenLost,
          })),
        }),
    ...(unknown.length === 0 ? {} : { unknown }),
    remote: remoteStatus,
  };
}

function isBooting(steps: readonly { state: string }[]): boolean {
  return steps.some(({ state }) => state === "waiting" || state === "running");
}
