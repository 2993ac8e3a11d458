/** The top-level names under `settings`. A variant has some of them. */
import { api } from "./api.ts";
import { autoscaling, aws, cloudformation } from "./aws.ts";
import { boot } from "./boot.ts";
import { bootstrapCommands, bootstrapContainers } from "./containers/bootstrap.ts";
import { containerRegistry } from "./containers/container-registry.ts";
import { containerRuntime } from "./containers/container-runtime.ts";
import { dns } from "./network/dns.ts";
import { ecs } from "./ecs.ts";
import { extensions } from "./extensions.ts";
import { hostContainers } from "./containers/host-containers.ts";
import { kernel } from "./kernel.ts";
import { kubernetes } from "./kubernetes/kubernetes.ts";
import { metrics } from "./metrics.ts";
import { motd } from "./motd.ts";
import { network } from "./network/network.ts";
import { ntp } from "./network/ntp.ts";
import { nvidiaContainerRuntime } from "./nvidia.ts";
import { ociDefaults, ociHooks } from "./containers/oci-defaults.ts";
import { pki } from "./pki.ts";
import type { PartOf, ValueOf } from "../model/setting.ts";
import { storage } from "./storage.ts";
import { updates } from "./updates.ts";

/** Every variant has these. */
export const baseGroups = {
  api,
  boot,
  "bootstrap-commands": bootstrapCommands,
  "bootstrap-containers": bootstrapContainers,
  "container-registry": containerRegistry,
  "container-runtime": containerRuntime,
  dns,
  extensions,
  "host-containers": hostContainers,
  kernel,
  metrics,
  motd,
  network,
  ntp,
  "oci-defaults": ociDefaults,
  "oci-hooks": ociHooks,
  pki,
  storage,
  updates,
};

/** Those of a platform, an orchestrator or a flavour. */
export const specialGroups = {
  autoscaling,
  aws,
  cloudformation,
  ecs,
  kubernetes,
  "nvidia-container-runtime": nvidiaContainerRuntime,
};

export const groups = { ...baseGroups, ...specialGroups };
export type Group = keyof typeof groups;

export function isGroup(name: string): name is Group {
  return Object.hasOwn(groups, name);
}

type Base = { kind: "table"; doc: string; children: typeof baseGroups };
type Special = typeof specialGroups;

/** All settings with defaults applied. Groups that the variant lacks are undefined. */
export type Settings = ValueOf<Base> & { [Name in keyof Special]?: ValueOf<Special[Name]> | undefined };

/** Defaults that a variant sets. */
export type DefaultsOf = { [Name in Group]?: PartOf<(typeof groups)[Name]> };

export const baseGroupNames: readonly Group[] = Object.keys(baseGroups).filter(isGroup);
