/** A host in a model of a fleet: two sets, a boot loader, a trial, and pods on its node. */
import type { HostReport } from "../../../api/fleet/host-report.ts";
import type { HostState } from "../../../host/node/obey.ts";

export const oldVersion = "1.0.0";
export const newVersion = "1.1.0";

export type HostModel = {
  up: boolean;
  /** Grows with each boot. */
  boot: number;
  version: string;
  /** The version that boots next. */
  next: string;
  onTrial: boolean;
  /** It shuts down, and nothing can keep it from rebooting. */
  leaving: boolean;
  /** The new version failed here, or was left on purpose. */
  held: boolean;
  /** There are pods on its node that have to leave before a reboot. */
  pods: boolean;
};

export const freshHost: HostModel = {
  up: true,
  boot: 1,
  version: oldVersion,
  next: oldVersion,
  onTrial: false,
  leaving: false,
  held: false,
  pods: true,
};

const bootId = (host: HostModel): string => `b${host.boot}`;
const staged = ({ version, held }: HostModel): string | undefined =>
  version === oldVersion && !held ? newVersion : undefined;
const fallback = ({ version }: HostModel): string | undefined => (version === newVersion ? oldVersion : undefined);

export function ownState(host: HostModel): HostState {
  return {
    boot: bootId(host),
    version: host.version,
    onTrial: host.onTrial,
    staged: staged(host),
    fallback: fallback(host),
    mayTake: staged(host) === undefined ? [] : [newVersion],
  };
}

/** @param accepted the order that the host has accepted in this boot */
export function reportOf(host: HostModel, accepted: string | undefined): HostReport {
  const version = staged(host);
  return {
    boot: bootId(host),
    version: host.version,
    variant: "model",
    arch: "x86_64",
    seed: 0,
    state: version === undefined ? "Idle" : "Staged",
    offers: version === undefined ? [] : [{ version, opensAt: undefined, releasedAt: undefined }],
    staged: version,
    fallback: fallback(host),
    onTrial: host.onTrial,
    held: host.held ? [{ version: newVersion, reason: "" }] : [],
    accepted,
    refused: undefined,
    activity: undefined,
    failure: undefined,
  };
}

/** Goes down; what was not persistent is gone. */
export function rebooted(host: HostModel): HostModel {
  return { ...host, up: false, leaving: false, boot: host.boot + 1, version: host.next };
}

/** The boot loader starts the version that is next; one that never proved itself here is on trial. */
export function booted(host: HostModel): HostModel {
  return { ...host, up: true, onTrial: host.version === newVersion };
}

/** By order: activates the version, and shuts down. Going back holds the version that is left. */
export function leavingFor(host: HostModel, version: string): HostModel {
  return { ...host, next: version, leaving: true, held: host.held || version === oldVersion };
}

/** The health gate of a version on trial: it stays, or the other set boots again and the version is held. */
export function judged(host: HostModel, healthy: boolean): HostModel {
  if (healthy) return { ...host, onTrial: false };
  return rebooted({ ...host, next: oldVersion, onTrial: false, held: true });
}
