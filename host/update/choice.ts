/**
 * Which update this host would take now, and what holds each of the others back.
 *
 * The rules are Bottlerocket's (its sources/updater/updog): the newest version at or below the maximum whose wave is open; a lock
 * pins one version, older ones too; a host above its maximum steps down. Two things are ours: waves open smoothly
 * (repo/waves/waves.ts), and a version that failed on this host is not tried again until a person releases it.
 */
import { Failure } from "../../lib/failure.ts";
import { isFor, wavesOfUpdate, type Machines, type Manifest } from "../../repo/manifest.ts";
import { compareVersions } from "../../repo/version.ts";
import { opensAt } from "../../repo/waves/waves.ts";
import { unreachable } from "../../lib/failure.ts";

export type HostView = Machines & {
  running: string;
  /** 0 to 2047; this host's place in the waves. */
  seed: number;
  /** "latest", or the one version to run. */
  versionLock: string;
  ignoreWaves: boolean;
  /** Versions that were tried here and did not prove healthy. */
  failed: readonly { version: string; at: Date; reason: string }[];
  now: Date;
};

/** What keeps this host from one version. */
export type Hold =
  | { kind: "above-maximum"; maximum: string }
  | { kind: "wave"; opensAt: Date }
  | { kind: "version-lock"; lock: string }
  | { kind: "not-newer"; running: string }
  | { kind: "failed-before"; at: Date; reason: string };

export type RepositoryVersion = { version: string; holds: Hold[] };

/** Every version for these machines, newest first, with what holds it. An empty list of holds means: would be taken. */
export function versionsFor(manifest: Manifest, host: HostView): RepositoryVersion[] {
  return manifest.updates
    .filter((update) => isFor(update, host))
    .toSorted((a, b) => compareVersions(b.version, a.version))
    .map((update) => {
      const { version, max_version: maximum } = update;
      const holds: Hold[] = [];
      if (compareVersions(version, maximum) > 0) holds.push({ kind: "above-maximum", maximum });
      const opens = host.ignoreWaves ? undefined : opensAt(wavesOfUpdate(update), host.seed);
      if (opens !== undefined && opens > host.now) holds.push({ kind: "wave", opensAt: opens });
      const failure = host.failed.find((each) => each.version === version);
      if (failure !== undefined) holds.push({ kind: "failed-before", at: failure.at, reason: failure.reason });
      if (host.versionLock === "latest") {
        const recalled = compareVersions(host.running, maximum) > 0;
        const newer = compareVersions(version, host.running) > 0;
        if (!newer && !(recalled && version !== host.running)) holds.push({ kind: "not-newer", running: host.running });
      } else if (version !== host.versionLock) {
        holds.push({ kind: "version-lock", lock: host.versionLock });
      } else if (version === host.running) {
        holds.push({ kind: "not-newer", running: host.running });
      }
      return { version, holds };
    });
}

/** The version to take: the newest that nothing holds. */
export function chosen(versions: readonly RepositoryVersion[]): string | undefined {
  return versions.find(({ holds }) => holds.length === 0)?.version;
}

/** Versions this host may take now or could return to, newest first: `available_updates` of the status. */
export function available(versions: readonly RepositoryVersion[]): string[] {
  return versions
    .filter(({ holds }) =>
      holds.every(({ kind }) => kind === "not-newer" || kind === "version-lock" || kind === "failed-before"),
    )
    .map(({ version }) => version);
}

/** One hold in plain words. */
export function describeHold(hold: Hold): string {
  switch (hold.kind) {
    case "above-maximum":
      return `the repository allows at most ${hold.maximum} (it was recalled, or is not released yet)`;
    case "wave":
      return `this host's place in the waves opens at ${hold.opensAt.toISOString()}`;
    case "version-lock":
      return `settings.updates.version-lock pins ${hold.lock}`;
    case "not-newer":
      return `the host runs ${hold.running}`;
    case "failed-before":
      return `it was tried at ${hold.at.toISOString()} and went back: ${hold.reason}`;
    default:
      return unreachable(hold);
  }
}

/** The version that is wanted by name, provided that nothing holds it. @throws {Failure<"version-held">} */
export function freeVersion(versions: readonly RepositoryVersion[], wanted: string): string {
  const holds = versions.find(({ version }) => version === wanted)?.holds;
  if (holds?.length === 0) return wanted;
  const why = holds === undefined ? "the repository does not have it" : holds.map(describeHold).join("; ");
  throw new Failure("version-held", `cannot choose ${wanted}: ${why}`);
}
