/** User data from files of this machine. Empty files count as none. */
import { readFile, stat } from "node:fs/promises";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { hostPath, type System } from "../machine/system.ts";
import type { ReadUserData, UserData } from "./source.ts";

/** More than anybody writes by hand or a platform hands out. */
export const maxDocumentBytes = 4 * 1024 * 1024;

/** A file that carries one document. */
export function userDataFile(path: string): ReadUserData {
  return async (system) => {
    const document = await readDocument(system, path);
    return document === undefined ? [] : [{ from: path, document }];
  };
}

/** The first of several paths that has a document. */
export function firstUserDataFile(...paths: readonly string[]): ReadUserData {
  return async (system): Promise<UserData[]> => {
    for (const path of paths) {
      const document = await readDocument(system, path);
      if (document !== undefined) return [{ from: path, document }];
    }
    return [];
  };
}

/** The bytes of a file; undefined when it is not there or empty. */
export async function readDocument(system: System, path: string): Promise<Uint8Array | undefined> {
  try {
    const real = hostPath(system, path);
    const { size } = await stat(real);
    if (size > maxDocumentBytes) {
      throw new Failure(
        "user-data-too-large",
        `cannot read ${path}: it has ${size} bytes, at most ${maxDocumentBytes} are taken`,
      );
    }
    const document = await readFile(real);
    return document.length === 0 ? undefined : document;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
