/**
 * The update repository as this host trusts it: TUF metadata refreshed and verified, targets read as signed.
 *
 * TUF specification 1.0.33, §5 (client workflow), by tuf-js; limits as in tough, Bottlerocket's client. The state is kept
 * across runs and boots, so metadata that is older than what was seen, or that stands still until it expires, is refused.
 */
import { createHash } from "node:crypto";
import { Metadata, MetadataKind, type TargetFile, type Targets } from "@tufjs/models";
import { Updater } from "tuf-js";
import { DownloadHTTPError } from "tuf-js/dist/error.js";
import { Failure, isFailure } from "../../../lib/failure.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { parseManifest, type Manifest } from "../../../repo/manifest.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { download, downloadBytes } from "./download.ts";
import { requestOf, urlOf, type UpdateMirror } from "./mirror.ts";
import { refusalOf } from "./tuf-refusal.ts";
import { keptMetadata, readShippedRoot, TufState } from "./tuf-state.ts";

const mebibyte = 1024 * 1024;
const limits = {
  maxRootRotations: 1024,
  rootMaxLength: mebibyte,
  timestampMaxLength: mebibyte,
  snapshotMaxLength: mebibyte,
  targetsMaxLength: 10 * mebibyte,
  maxDelegations: 32,
} as const;
/** The manifest of a repository with a thousand releases is a few hundred kilobytes. */
const manifestMaxBytes = 10 * mebibyte;

export const shippedRootPath = "/usr/share/orlop/updates/root.json";

/** A file as the targets role describes it. */
export type Target = { name: string; bytes: number; digest: { algorithm: "sha256" | "sha512"; hex: string } };

export type TrustedRepository = {
  manifest: Manifest;
  target(name: string): Target | undefined;
  /** The soonest end of what was accepted. */
  expires: Date;
};

/**
 * Brings the trusted metadata up to date.
 *
 * @param builtAt when the running image was built: no clock can be right that is before it
 * @throws {Failure<TufCode | "clock-not-sane" | "bad-root" | "bad-manifest">}
 */
export async function refreshTrust(
  system: System,
  mirror: UpdateMirror,
  builtAt: Date,
  signal: AbortSignal,
): Promise<TrustedRepository> {
  const shippedRoot = await readShippedRoot(hostPath(system, shippedRootPath));
  const state = new TufState(system);
  assertSaneClock(system.clock.now(), builtAt, await state.latestTime());
  await using work = await state.open(shippedRoot, signal);
  const { targets } = await refreshMetadata(system, mirror, work.directory, signal);
  const trusted = targetIn(targets);
  const manifestTarget = trusted("manifest.json");
  if (manifestTarget === undefined) {
    throw new Failure("bad-manifest", `cannot use the update repository ${shown(mirror)}: it has no manifest.json`);
  }
  const manifest = await targetBytes(system, mirror, manifestTarget, manifestMaxBytes, signal);
  const repository: TrustedRepository = {
    manifest: parseManifest(parseJson(manifest.toString("utf8"), "manifest.json"), "manifest.json"),
    target: trusted,
    expires: await soonestExpiry(work.directory),
  };
  await state.accepted(system.clock.now(), shippedRoot);
  return repository;
}

/**
 * The TUF client workflow on the metadata in `directory`, which must hold a trusted `root.json`. What is verified on
 * the way is written there, however it ends.
 *
 * @returns the targets role, and the library's client for whoever follows delegations
 * @throws {Failure<TufCode>}
 */
export async function refreshMetadata(
  system: System,
  mirror: UpdateMirror,
  directory: string,
  signal: AbortSignal,
): Promise<{ targets: Targets; updater: Updater }> {
  const fetcher = new MetadataFetcher(system, mirror, signal);
  try {
    const updater = new Updater({
      metadataDir: directory,
      metadataBaseUrl: mirror.metadata.href,
      targetBaseUrl: mirror.targets.href,
      fetcher,
      config: limits,
    });
    await updater.refresh();
    const text = await keptMetadata(directory, "targets");
    if (text === undefined) throw new Error("bug: a refresh left no targets.json");
    // The client has just verified this very file.
    const targets = Metadata.fromJSON(MetadataKind.Targets, JSON.parse(text)).signed;
    const now = system.clock.now();
    if (targets.isExpired(now)) throw new Error("targets.json is expired"); // by our clock, whatever the library read
    return { targets, updater };
  } catch (error) {
    signal.throwIfAborted();
    const refusal = refusalOf(error, {
      repository: shown(mirror),
      download: fetcher.failure,
      expiresOf: (role) => fetcher.expires.get(role),
      now: system.clock.now(),
    });
    throw refusal ?? error;
  }
}

/** What tuf-js reads metadata with: `download.ts`, and a memory of what went wrong. */
class MetadataFetcher {
  readonly #system: System;
  readonly #mirror: UpdateMirror;
  readonly #signal: AbortSignal;
  /** Why the last download failed; undefined after one that succeeded or was answered "not found". */
  failure: Failure | undefined;
  /** By role, what the newest metadata that was read says. Not verified: for messages only. */
  readonly expires = new Map<string, string>();

  constructor(system: System, mirror: UpdateMirror, signal: AbortSignal) {
    this.#system = system;
    this.#mirror = mirror;
    this.#signal = signal;
  }

  async downloadBytes(href: string, maxBytes: number): Promise<Buffer> {
    const url = new URL(href);
    for (const [key, value] of Object.entries(this.#mirror.query)) url.searchParams.set(key, value);
    this.failure = undefined;
    try {
      const init = requestOf(this.#mirror, url);
      const bytes = await downloadBytes(this.#system, url, init, { maxBytes, signal: this.#signal });
      this.#note(url, bytes);
      return bytes;
    } catch (error) {
      if (isFailure(error, "not-found") && /\/\d+\.root\.json$/.test(url.pathname)) {
        throw new DownloadHTTPError("not found", 404); // §5.3.3: there is no newer root
      }
      if (error instanceof Failure) this.failure = error;
      throw error;
    }
  }

  async downloadFile<T>(): Promise<T> {
    throw new Error("bug: targets are streamed, never downloaded by the TUF library");
  }

  #note(url: URL, bytes: Buffer): void {
    const role = /(?:\/|\.)(root|timestamp|snapshot|targets)\.json$/.exec(url.pathname)?.[1];
    const expires = /"expires"\s*:\s*"([0-9TZ:.-]+)"/.exec(bytes.toString("utf8"))?.[1];
    if (role !== undefined && expires !== undefined) this.expires.set(role, expires);
  }
}

/**
 * The bytes of a target as they come. Whoever takes them must wait for the end: hash and length are known only then.
 *
 * @throws {Failure<"target-not-as-signed">} at the end
 * @throws as `download`
 */
export async function* targetStream(
  system: System,
  mirror: UpdateMirror,
  target: Target,
  signal: AbortSignal,
  consistent = true,
): AsyncGenerator<Uint8Array> {
  const hash = createHash(target.digest.algorithm);
  let received = 0;
  for await (const bytes of storedBytes(system, mirror, target, 0, signal, consistent)) {
    hash.update(bytes);
    received += bytes.length;
    yield bytes;
  }
  if (received !== target.bytes || hash.digest("hex") !== target.digest.hex) {
    const reason = received === target.bytes ? "its hash differs" : `${received} of ${target.bytes} bytes came`;
    throw new Failure("target-not-as-signed", `cannot use ${target.name}: it is not what was signed: ${reason}`);
  }
}

/** What a mirror has of a target from `start` on. Nothing vouches for it. @throws as `download` */
export function storedBytes(
  system: System,
  mirror: UpdateMirror,
  target: Target,
  start: number,
  signal: AbortSignal,
  consistent = true,
): AsyncGenerator<Uint8Array> {
  const url = urlOf(mirror, mirror.targets, storedPath(target, consistent));
  return download(system, url, requestOf(mirror, url), { maxBytes: target.bytes, signal }, start);
}

/** A small target as one buffer. @throws as `targetStream`, and {Failure<"too-long">} */
export async function targetBytes(
  system: System,
  mirror: UpdateMirror,
  target: Target,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  if (target.bytes > maxBytes) {
    throw new Failure(
      "too-long",
      `cannot use ${target.name}: it has ${target.bytes} bytes, at most ${maxBytes} are read`,
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const bytes of targetStream(system, mirror, target, signal)) chunks.push(bytes);
  return Buffer.concat(chunks);
}

/** Where a target lies below the targets URL; consistent snapshots put its hash before the name (TUF §5.7.3). */
function storedPath({ name, digest }: Target, consistent: boolean): string {
  const segments = name.split("/").map(encodeURIComponent);
  const last = segments.pop() ?? "";
  return [...segments, consistent ? `${digest.hex}.${last}` : last].join("/");
}

export function targetIn(targets: Targets): (name: string) => Target | undefined {
  return (name) => {
    const file = Object.hasOwn(targets.targets, name) ? targets.targets[name] : undefined;
    return file === undefined ? undefined : targetOf(file);
  };
}

/** Undefined when the metadata has no hash that we compute. */
export function targetOf({ path, length, hashes }: TargetFile): Target | undefined {
  for (const algorithm of ["sha256", "sha512"] as const) {
    const hex = hashes[algorithm];
    if (hex !== undefined) return { name: path, bytes: length, digest: { algorithm, hex } };
  }
  return undefined;
}

/** @throws {Failure<"clock-not-sane">} */
function assertSaneClock(now: Date, builtAt: Date, latestTime: Date | undefined): void {
  const refuse = (reason: string): Failure =>
    new Failure("clock-not-sane", `cannot judge updates: the clock says ${now.toISOString()}, ${reason}`, {
      hint: "check settings.ntp and that time servers can be reached",
    });
  if (now < builtAt) throw refuse(`which is before this image was built (${builtAt.toISOString()})`);
  if (latestTime !== undefined && now < latestTime) {
    throw refuse(`and it said ${latestTime.toISOString()} at the last successful check`);
  }
}

async function soonestExpiry(directory: string): Promise<Date> {
  const times: number[] = [];
  for (const role of ["root", "timestamp", "snapshot", "targets"] as const) {
    const text = (await keptMetadata(directory, role)) ?? "{}";
    const expires = /"expires"\s*:\s*"([0-9TZ:.-]+)"/.exec(text)?.[1];
    if (expires !== undefined) times.push(new Date(expires).getTime());
  }
  return new Date(Math.min(...times));
}

function shown({ metadata }: UpdateMirror): string {
  return `${metadata.origin}${metadata.pathname}`;
}
