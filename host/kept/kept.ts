/**
 * A file that this host keeps through reboots and losses of power.
 *
 * Written and removed durably, always through `System.storage`. What cannot be read back is set aside and reported, and
 * then counts as absent: nothing that is damaged keeps the daemon from serving the API.
 */
import { z } from "zod";
import { Failure, isFailure, isNotFound, systemErrorCode } from "../../lib/failure.ts";
import { removeDurably, removeLeftovers, writeFileAtomic } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import { hostPath, type System } from "../machine/system.ts";
import { setAside, type KeptPlace } from "./set-aside.ts";

/** How a value is written down. */
export type Notation<Value> = {
  /** @throws {z.ZodError | Failure<"bad-json" | "damaged">} when the text is none of such a value */
  read: (text: string) => Value;
  write: (value: Value) => string;
};

export type Kept<Value> = KeptPlace & {
  /**
   * Undefined when nothing is kept, or when it was damaged; whatever lies there, this does not reject because of it.
   */
  read(system: System): Promise<Value | undefined>;
  /** Durable when it resolves. @throws a system error when the disk refuses; the value before is then still there */
  replace(system: System, value: Value): Promise<void>;
  /** Durable when it resolves; false when nothing was kept. */
  remove(system: System): Promise<boolean>;
  /**
   * At the start of whoever writes it: removes what a write that was cut short has left. Never rejects because of it.
   */
  tidy(system: System): Promise<void>;
};

/** More than anything here can be: the largest role of TUF metadata that is taken has 10 MiB. */
const mostBytes = 16 * 1024 * 1024;
const mode = 0o600;

/** Errors that say nothing about what is on the disk. */
const passing: ReadonlySet<string> = new Set(["EAGAIN", "EINTR", "EMFILE", "ENFILE", "ENOMEM"]);
/** A directory in place of the file, or a file in place of the directory. */
const inTheWay: ReadonlySet<string> = new Set(["EEXIST", "EISDIR", "ENOTDIR", "ENOTEMPTY", "EPERM"]);

/** Of one file, as it is declared in `things.ts`. */
export function kept<Value>(place: KeptPlace, { read, write }: Notation<Value>): Kept<Value> {
  const { path } = place;
  const clearing = async <Done>(system: System, act: () => Promise<Done>): Promise<Done> => {
    try {
      return await act();
    } catch (error) {
      if (!inTheWay.has(systemErrorCode(error) ?? "")) throw error;
      await setAside(system, place, error);
      return await act();
    }
  };
  return {
    ...place,
    async read(system) {
      try {
        const content = await textOf(system, path);
        return content === undefined ? undefined : read(content);
      } catch (error) {
        if (!isDamage(error)) throw error;
        await setAside(system, place, error);
        return undefined;
      }
    },
    async replace(system, value) {
      await clearing(
        system,
        async () => await writeFileAtomic(hostPath(system, path), write(value), mode, system.storage),
      );
    },
    async remove(system) {
      return await clearing(system, async () => await removeDurably(hostPath(system, path), system.storage));
    },
    async tidy(system) {
      try {
        await removeLeftovers(hostPath(system, path), system.storage);
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error;
        system.log.error(`kept: cannot remove what an interrupted write of ${path} left`, error);
      }
    },
  };
}

export function json<Value>(schema: z.ZodType<Value>): Notation<Value> {
  return { read: (text) => schema.parse(parseJson(text)), write: (value) => JSON.stringify(value) };
}

/** Any text; for marks, whose presence is what counts, and for what is compared as a whole. */
export const text: Notation<string> = { read: (content) => content, write: (content) => content };

async function textOf(system: System, path: string): Promise<string | undefined> {
  const file = hostPath(system, path);
  try {
    const bytes = await system.storage.size(file);
    if (bytes > mostBytes) throw new Failure("damaged", `cannot read ${path}: ${bytes} bytes, at most ${mostBytes}`);
    return (await system.storage.read(file)).toString("utf8");
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  if (error instanceof z.ZodError || isFailure(error, "bad-json", "damaged")) return true;
  const code = systemErrorCode(error);
  return code !== undefined && !passing.has(code);
}
