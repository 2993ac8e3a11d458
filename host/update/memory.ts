/**
 * What the updater remembers across restarts and reboots: what was chosen, how the last command went, what failed here.
 *
 * Which set holds what and which one boots is not remembered: signpost reads that from the disk.
 */
import { z } from "zod";
import { isFailure } from "../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files.ts";
import { parseJson } from "../../lib/json.ts";
import { migration } from "../../settings/migration.ts";
import { hostPath, type System } from "../system.ts";

const path = "/var/lib/orlop/updates.json";
/** A host that failed so many versions needs a person. */
const heldLimit = 100;

const image = z.object({ version: z.string(), variant: z.string(), arch: z.string() });
const target = z.object({
  name: z.string(),
  bytes: z.int(),
  digest: z.object({ algorithm: z.enum(["sha256", "sha512"]), hex: z.string() }),
});

/** An update as it was chosen: exactly these files are written. */
const chosen = z.object({ image, targets: z.object({ boot: target, root: target, hash: target }) });
export type Chosen = z.infer<typeof chosen>;

const command = z.object({
  command: z.enum(["refresh", "prepare", "activate", "deactivate"]),
  at: z.iso.datetime(),
  /** Why it failed; absent when it went well. */
  failure: z.string().exactOptional(),
});
export type LastCommand = z.infer<typeof command>;

const held = z.object({
  version: z.string(),
  at: z.iso.datetime(),
  reason: z.string(),
  /** Why is still to be found out. */
  unexplained: z.literal(true).exactOptional(),
});
export type Held = z.infer<typeof held>;

const memory = z.object({
  chosen: chosen.exactOptional(),
  available: z.array(z.string()),
  /** When metadata was last accepted, and when it expires. */
  checked: z.object({ at: z.iso.datetime(), expires: z.iso.datetime() }).exactOptional(),
  last: command.exactOptional(),
  /** The migrations that the version on the inactive set brings, as they were published. */
  brings: z.object({ version: z.string(), migrations: z.array(migration) }).exactOptional(),
  /** Versions that were started here and did not prove healthy. */
  held: z.array(held),
});
export type Memory = z.infer<typeof memory>;

export const nothingKnown: Memory = { available: [], held: [] };

export async function readMemory(system: System): Promise<Memory> {
  const text = await readTextIfPresent(hostPath(system, path), system.storage);
  if (text === undefined) return nothingKnown;
  try {
    return memory.parse(parseJson(text));
  } catch (error) {
    if (!isFailure(error, "bad-json") && !(error instanceof z.ZodError)) throw error;
    system.log.error(`update: cannot read ${path}; going on as if no update was ever looked for`, error);
    return nothingKnown;
  }
}

export async function writeMemory(system: System, next: Memory): Promise<void> {
  const limited = { ...next, held: next.held.slice(-heldLimit) };
  await writeFileAtomic(hostPath(system, path), JSON.stringify(limited), 0o600, system.storage);
}
