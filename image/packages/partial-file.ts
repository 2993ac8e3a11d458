/** Downloads that are not finished, beside the place where the whole file will be. */
import { deferred } from "../../lib/deferred.ts";
import { randomBytes } from "node:crypto";
import { type FileHandle, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { openLocked } from "../../lib/files/file-lock.ts";
import { namesIn } from "../../lib/files/files.ts";

/** An unfinished file that is ours as long as it is open: `<sha256>.<random>.partial`. */
export class PartialFile implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  #isFinished = false;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** The longest one that nobody works on, the shorter ones of which are removed; a new one when there is none. */
  static async open(path: string): Promise<PartialFile> {
    const left: { partial: PartialFile; bytes: number }[] = [];
    for (const name of await namesIn(dirname(path))) {
      if (!name.startsWith(`${basename(path)}.`) || !name.endsWith(".partial")) continue;
      const partial = await PartialFile.#locked(join(dirname(path), name));
      if (partial !== undefined) left.push({ partial, bytes: await partial.bytes() });
    }
    const [longest, ...shorter] = left.toSorted((a, b) => b.bytes - a.bytes);
    for (const { partial } of shorter) {
      await unlink(partial.path);
      await partial.#file.close();
    }
    return longest?.partial ?? (await PartialFile.#make(path));
  }

  static async #make(path: string): Promise<PartialFile> {
    for (;;) {
      const partial = await PartialFile.#locked(`${path}.${randomBytes(8).toString("hex")}.partial`);
      if (partial !== undefined) return partial;
    }
  }

  static async #locked(path: string): Promise<PartialFile | undefined> {
    const file = await openLocked(path);
    return file === undefined ? undefined : new PartialFile(path, file);
  }

  async bytes(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  async append(data: Uint8Array): Promise<void> {
    await this.#file.appendFile(data);
  }

  /** Drops what is there. */
  async empty(): Promise<void> {
    await this.#file.truncate(0);
  }

  /** Gives the whole file its name. */
  async finish(path: string): Promise<void> {
    await rename(this.path, path);
    this.#isFinished = true;
  }

  /** What was received stays, for the next try. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using _close = deferred(async () => {
      await this.#file.close();
    });
    if (!this.#isFinished && (await this.bytes()) === 0) await unlink(this.path);
  }
}
