/**
 * What a host remembers of its update repository, across refreshes and boots.
 *
 * The newest metadata it has verified is why an older one is refused (TUF specification §5.3 to §5.6); the latest time
 * it has known is why a clock that went back is noticed. A client works on a copy; what it verified is kept file by
 * file, root first, also when the refresh as a whole is refused.
 */
import { deferred } from "../../../lib/deferred.ts";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Metadata, MetadataKind, type Root } from "@tufjs/models";
import { afterFailure, Failure } from "../../../lib/failure.ts";
import { openLocked, waitForLock } from "../../../lib/files/file-lock.ts";
import { namesIn, readTextIfPresent } from "../../../lib/files/files.ts";
import { kept } from "../../kept/things.ts";
import { hostPath, type System } from "../../machine/system.ts";

/** Kept in this order. */
const roles = {
  root: kept.tufRoot,
  timestamp: kept.tufTimestamp,
  snapshot: kept.tufSnapshot,
  targets: kept.tufTargets,
} as const;
type Role = keyof typeof roles;

/** Lost at a reboot: what was verified is kept when a client is done. */
const workPath = "/run/orlop";
const copyPrefix = "tuf-";
/** Of one client at a time, in whichever process: each compares with what the one before it accepted. */
export const lockPath = "/run/orlop/tuf.lock";

/** At the start of the daemon: copies that another one did not live to take away, unless a client is at work. */
export async function removeCopies(system: System): Promise<void> {
  const work = hostPath(system, workPath);
  await mkdir(work, { recursive: true });
  await using lock = await openLocked(hostPath(system, lockPath));
  if (lock === undefined) return;
  for (const name of await namesIn(work)) {
    if (name.startsWith(copyPrefix)) await rm(join(work, name), { recursive: true, force: true });
  }
}

export class TufState {
  readonly #system: System;

  constructor(system: System) {
    this.#system = system;
  }

  async latestTime(): Promise<Date | undefined> {
    const known = await kept.tufTimes.read(this.#system);
    return known === undefined ? undefined : new Date(known.latestTime);
  }

  /** Remembers that metadata was accepted at `now`, starting from the root that the image brought. */
  async accepted(now: Date, shippedRoot: string): Promise<void> {
    const known = await kept.tufTimes.read(this.#system);
    const origins = [...new Set([...(known?.origins ?? []), digest(shippedRoot)])];
    await kept.tufTimes.replace(this.#system, { latestTime: now.toISOString(), origins });
  }

  /**
   * A copy to work on, for one client at a time. Disposing it keeps what changed in it.
   *
   * @param shippedRoot the root role in the image
   * @throws {Failure<"bad-root">}
   */
  async open(shippedRoot: string, signal: AbortSignal): Promise<AsyncDisposable & { directory: string }> {
    const work = hostPath(this.#system, workPath);
    await mkdir(work, { recursive: true });
    const lock = await waitForLock(hostPath(this.#system, lockPath), this.#system.clock, signal);
    try {
      return await this.#copy(shippedRoot, work, lock);
    } catch (error) {
      throw await afterFailure(error, async () => await lock.close());
    }
  }

  async #copy(
    shippedRoot: string,
    work: string,
    lock: AsyncDisposable,
  ): Promise<AsyncDisposable & { directory: string }> {
    const directory = await mkdtemp(join(work, copyPrefix));
    const before = new Map<string, string>();
    for (const [role, metadata] of Object.entries(roles)) {
      const there = await metadata.read(this.#system);
      const text = role === "root" ? await this.#rootToStartFrom(shippedRoot, there) : there;
      if (there !== undefined) before.set(role, there);
      if (text !== undefined) await writeFile(join(directory, `${role}.json`), text);
    }
    return {
      directory,
      [Symbol.asyncDispose]: async () => {
        await using _lock = lock;
        await using _removal = deferred(async () => {
          await rm(directory, { recursive: true, force: true });
        });
        for (const [role, metadata] of Object.entries(roles)) {
          const text = await readTextIfPresent(join(directory, `${role}.json`));
          if (text === undefined || text === before.get(role)) continue;
          await metadata.replace(this.#system, text);
        }
      },
    };
  }

  /**
   * The kept root, unless the image brought a newer one, or one that the kept one has nothing to do with: then another
   * repository is meant. The older image of a rollback brings a root that is known already.
   */
  async #rootToStartFrom(shippedRoot: string, keptRoot: string | undefined): Promise<string> {
    const shipped = rootIn(shippedRoot);
    if (shipped === undefined)
      throw new Failure("bad-root", "cannot use the trusted root in the image: it is not signed by itself");
    if (keptRoot === undefined) return shippedRoot;
    const current = rootIn(keptRoot);
    if (current === undefined) {
      this.#system.log.info("update: the kept root role is damaged; starting from the one in the image");
      return shippedRoot;
    }
    if (shipped.version > current.version) return shippedRoot;
    const known = (await kept.tufTimes.read(this.#system))?.origins.includes(digest(shippedRoot)) === true;
    const shared = (shipped.roles["root"]?.keyIDs ?? []).some((id) => current.roles["root"]?.keyIDs.includes(id));
    if (known || shared) return keptRoot;
    this.#system.log.info(
      "update: the image trusts other keys than the kept root role; starting from the one in the image",
    );
    return shippedRoot;
  }
}

/** The root role of a text that is signed by its own keys. */
function rootIn(text: string): Root | undefined {
  try {
    const metadata = Metadata.fromJSON(MetadataKind.Root, JSON.parse(text));
    metadata.verifyDelegate("root", metadata);
    return metadata.signed;
  } catch {
    return undefined; // whatever is wrong with it, it cannot be started from
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The metadata of a role in a directory that a client left; undefined when there is none. */
export async function keptMetadata(directory: string, role: Role): Promise<string | undefined> {
  return await readTextIfPresent(join(directory, `${role}.json`));
}

/** @throws {Failure<"bad-root">} */
export async function readShippedRoot(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Failure("bad-root", `cannot read the trusted root of the update repository at ${path}`, {
      hint: "the image was built without one; build it with --update-root",
      cause,
    });
  }
}
