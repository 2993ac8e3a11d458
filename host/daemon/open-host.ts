/** Opens what the daemon works with, in the order in which it depends on one another; closing goes the other way. */
import { defined } from "../../lib/defined.ts";
import type { Failure } from "../../lib/failure.ts";
import { modelFor } from "../../settings/model/model.ts";
import { Changes } from "../apiserver/changes.ts";
import { SettingsLockdown } from "../apiserver/settings-lockdown.ts";
import { CurrentSettings } from "../apiserver/current-settings.ts";
import { Exec } from "../apiserver/exec/exec.ts";
import { handlersFor } from "../apiserver/handlers/all.ts";
import { Exchange } from "../apiserver/server/exchange.ts";
import { Remote, remoteReconciler } from "../apiserver/server/remote.ts";
import { Attestation } from "../attestation/attestation.ts";
import type { DatastoreOptions } from "../datastore/datastore.ts";
import { lookOver } from "../kept/things.ts";
import { readFacts } from "../machine/facts.ts";
import type { System } from "../machine/system.ts";
import { KnownSecrets } from "../masking/known-secrets.ts";
import { maskedSystem } from "../masking/masked-system.ts";
import { ecsCheck } from "../node/ecs-agent.ts";
import { nodeCheck } from "../node/node-ready.ts";
import { reconcilers } from "../reconcile/all.ts";
import { Engine } from "../reconcile/engine.ts";
import { baseAilments, unitsOf } from "../update/judge/health.ts";
import { Updater } from "../update/updater.ts";
import { UsageLog } from "../vitals/usage.ts";
import { apiContext, type ApiHost } from "./api-context.ts";
import { haltedBoot, newBootStatus } from "./boot.ts";
import { showOnConsole } from "./console.ts";
import { GoodBootKeeper } from "./good-boot.ts";
import { openAudit, openSettings } from "./stores.ts";
import { Trial } from "./trial.ts";

export type OpenHost = ApiHost &
  AsyncDisposable & {
    /** Why the settings of this host are not known. */
    unusable: Failure | undefined;
    /** What is written down with each change of settings. */
    recorded: DatastoreOptions;
    goodBoot: GoodBootKeeper;
    secrets: KnownSecrets;
    /** Made anew for each listener. */
    exchange: () => Exchange;
  };

export async function openHost(machine: System, stopping: AbortSignal): Promise<OpenHost> {
  await using opened = new AsyncDisposableStack();
  const facts = await readFacts(machine);
  const model = modelFor(facts.variant);
  const recorded = { image: facts.versionId, clock: machine.clock };
  await lookOver(machine);
  const { opened: datastore, unusable } = await openSettings(machine, recorded);
  opened.use(datastore);
  const secrets = new KnownSecrets(model, datastore);
  const system = maskedSystem(machine, (text) => secrets.mask(text));
  const { opened: audit, unusable: auditUnusable } = await openAudit(system, recorded);
  opened.use(audit);

  const trial = await Trial.open(system, datastore);
  const changes = new Changes(model, datastore, trial, await SettingsLockdown.open(system));
  const currentSettings = new CurrentSettings(model, datastore, unusable);
  // The handlers below serve it, and the engine they use opens it.
  const exec = opened.use(new Exec(system, audit, secrets, stopping));
  const exchange = (): Exchange => new Exchange(handlers, exec, system, stopping);
  const remote = opened.use(new Remote(system, exchange, async (line) => await showOnConsole(system, () => line)));
  const allReconcilers = [remoteReconciler(remote), ...reconcilers];
  const engine = new Engine({ system, facts }, allReconcilers, {
    current: () => ({ version: datastore.version, settings: currentSettings.settings() }),
    changedSince: async (known, raced) => await datastore.changedSince(known, raced),
  });
  const bootStatus = unusable === undefined ? newBootStatus() : haltedBoot(unusable);
  const attestation = new Attestation(system, datastore);
  const booting = { attestation, system, facts, model, datastore, engine, currentSettings, bootStatus };
  const updater = opened.use(await openUpdater(booting));

  const usageLog = new UsageLog(system);
  const served = {
    ...booting,
    audit,
    auditUnusable,
    trial,
    changes,
    remote,
    updater,
    usageLog,
    allReconcilers,
    stopping,
  };
  const handlers = handlersFor(apiContext(served));
  const goodBoot = new GoodBootKeeper(served);
  const open = opened.move();
  return {
    ...served,
    unusable,
    recorded,
    secrets,
    goodBoot,
    exchange,
    [Symbol.asyncDispose]: async () => await open.disposeAsync(),
  };
}

type UpdatedHost = Pick<ApiHost, "system" | "facts" | "datastore" | "engine" | "currentSettings" | "bootStatus">;

async function openUpdater({
  system,
  facts,
  datastore,
  engine,
  currentSettings,
  bootStatus,
}: UpdatedHost): Promise<Updater> {
  return await Updater.open({
    system,
    running: { version: facts.versionId, variant: facts.variant.name, arch: facts.arch },
    settings: () => currentSettings.settings(),
    values: () => datastore.values,
    async ailments(until) {
      const status = async () => ({ boot: bootStatus.steps, reconcilers: engine.status() });
      const node = nodeCheck(system, currentSettings.settings(), facts);
      const hostUnits = unitsOf(facts.variant.orchestrator);
      return await baseAilments(
        system,
        status,
        { hostUnits, ...defined({ node, ecs: ecsCheck(system, facts) }) },
        until,
      );
    },
  });
}
