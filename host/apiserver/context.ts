/** What the handlers of the API work with. */
import type { BootTimeline, Usage } from "../../api/machine-view.ts";
import type { StatusBody } from "../../api/status.ts";
import type { Model } from "../../settings/model/model.ts";
import type { Attestation } from "../attestation/attestation.ts";
import type { Audit } from "../daemon/audit.ts";
import type { Datastore } from "../datastore/datastore.ts";
import type { Facts } from "../machine/facts.ts";
import type { ConfigFiles } from "../files/config-file.ts";
import type { Engine } from "../reconcile/engine.ts";
import type { Reconciler } from "../reconcile/reconciler.ts";
import type { System } from "../machine/system.ts";
import type { Trial } from "../daemon/trial.ts";
import type { Updater } from "../update/updater.ts";
import type { Changes } from "./changes.ts";
import type { CurrentSettings } from "./current-settings.ts";

export type ApiContext = {
  system: System;
  facts: Facts;
  model: Model;
  datastore: Datastore;
  audit: Audit;
  attestation: Attestation;
  engine: Engine;
  trial: Trial;
  updater: Updater;
  changes: Changes;
  currentSettings: CurrentSettings;
  /** What settings act on, for the metadata that Bottlerocket's clients ask for. */
  reconcilers: readonly Reconciler[];
  configFiles: readonly ConfigFiles[];
  /** Key to a sentence about how the host finds its value. */
  generators: ReadonlyMap<string, string>;
  status: () => Promise<StatusBody>;
  bootTimeline: () => Promise<BootTimeline>;
  usage: () => Promise<Usage>;
  /** Aborts when the daemon is to stop. */
  stopping: AbortSignal;
};
