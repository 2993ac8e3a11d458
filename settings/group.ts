/** The top-level names under `settings`. A variant has some of them. */
import { api } from "./api.ts";
import { kernel } from "./kernel.ts";
import { motd } from "./motd.ts";
import { network } from "./network.ts";
import { ntp } from "./ntp.ts";
import type { PartOf, ValueOf } from "./setting.ts";

/** Every variant has these. */
export const baseGroups = { api, kernel, motd, network, ntp };

/** Those of an orchestrator or a platform. */
export const specialGroups = {};

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
