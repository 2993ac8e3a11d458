/**
 * What a step of a build is made from.
 *
 * An input is plain data, which counts as it is, or lies on disk and counts by what it holds: where it lies is no part
 * of it, so two builds in two places have the same inputs.
 */
import { basename } from "node:path";
import { Failure, isNotFound } from "../lib/failure.ts";
import { sha256OfFile } from "./packages/cache.ts";
import { openToolsRoot } from "./packages/tools-root.ts";

/** A function, or a handle on this machine such as a signal, has no text that stands for it, and is no input. */
export type Input =
  | string
  | number
  | boolean
  | undefined
  | KeyedDirectory
  | InputFile
  | readonly Input[]
  | { readonly [name: string]: Input };

export type Inputs = { readonly [name: string]: Input };

/** A directory that was made from known inputs, which its key stands for. It is only read. */
export class KeyedDirectory {
  readonly directory: string;
  readonly key: string;

  constructor(directory: string, key: string) {
    this.directory = directory;
    this.key = key;
  }

  toJSON(): string {
    return this.key;
  }
}

/** A file whose content is known. */
export class InputFile {
  readonly path: string;
  readonly sha256: string;

  constructor(path: string, sha256: string) {
    this.path = path;
    this.sha256 = sha256;
  }

  toJSON(): string {
    return this.sha256;
  }
}

/** @throws {Failure<"no-such-file">} */
export async function inputFile(path: string): Promise<InputFile> {
  try {
    return new InputFile(path, await sha256OfFile(path));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Failure("no-such-file", `cannot build from ${path}: there is no such file`, { cause: error });
  }
}

/** A tools root, which lies under the key of its packages. */
export async function inputTools(options: Parameters<typeof openToolsRoot>[0]): Promise<KeyedDirectory> {
  const { directory } = await openToolsRoot(options);
  return new KeyedDirectory(directory, basename(directory));
}

/** In an order of their own, not in that in which they were written down. */
export function sortedInputs(inputs: Inputs): [string, Input][] {
  return Object.entries(inputs).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
