/**
 * What the updater remembers across restarts and reboots: what was chosen, how the last command went, what failed here.
 *
 * Which set holds what and which one boots is not remembered: signpost reads that from the disk.
 */
import { z } from "zod";
import { migration } from "../../settings/migrations/migration.ts";

/** A host that failed so many versions needs a person. */
export const heldLimit = 100;

const image = z.object({ version: z.string(), variant: z.string(), arch: z.string() });
const target = z.object({
  name: z.string(),
  bytes: z.int(),
  digest: z.object({ algorithm: z.enum(["sha256", "sha512"]), hex: z.string() }),
});

/** An update as it was chosen: exactly these files are written. */
const chosen = z.object({ image, targets: z.object({ boot: target, root: target, hash: target }) });
export type Chosen = z.infer<typeof chosen>;

/** What a version takes to come here, and what was fetched once it was written; in bytes. */
const download = z.object({
  version: z.string(),
  bytes: z.int(),
  wholeBytes: z.int(),
  /** The version that patches are taken from. */
  from: z.string().exactOptional(),
  fetched: z.object({ bytes: z.int(), from: z.string().exactOptional() }).exactOptional(),
});
export type Download = z.infer<typeof download>;

const updateCommand = z.enum(["refresh", "prepare", "activate", "deactivate"]);
const command = z.object({
  command: updateCommand,
  at: z.iso.datetime(),
  /** Why it failed; absent when it went well. */
  failure: z.string().exactOptional(),
});
export type LastCommand = z.infer<typeof command>;

export const failedVersion = z.object({
  version: z.string(),
  at: z.iso.datetime(),
  reason: z.string(),
  /** Why is still to be found out. */
  unexplained: z.literal(true).exactOptional(),
});
export type FailedVersion = z.infer<typeof failedVersion>;

export const memory = z.object({
  chosen: chosen.exactOptional(),
  /** Of the version that was chosen last. */
  download: download.exactOptional(),
  available: z.array(z.string()),
  /** When metadata was last accepted, and when it expires. */
  checked: z.object({ at: z.iso.datetime(), expires: z.iso.datetime() }).exactOptional(),
  last: command.exactOptional(),
  /** The command that runs; when a daemon finds it at its start, the one before did not live to see its end. */
  running: z.object({ command: updateCommand, at: z.iso.datetime() }).exactOptional(),
  /** The migrations that the version on the inactive set brings, as they were published. */
  brings: z.object({ version: z.string(), migrations: z.array(migration) }).exactOptional(),
  /** Versions that were started here and did not prove healthy. */
  held: z.array(failedVersion),
});
export type Memory = z.infer<typeof memory>;

export const nothingKnown: Memory = { available: [], held: [] };
