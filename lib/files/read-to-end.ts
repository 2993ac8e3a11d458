/**
 * Sources that are read to their end: one read(2) gives what is there, which of a pipe or a terminal is not the whole.
 */
import type { FileHandle } from "node:fs/promises";

const partBytes = 64 * 1024;

/** What a file has from `offset` on; without one from where it stands, which is all that a pipe can do. */
export async function* partsOf(file: FileHandle, offset: number | null = null): AsyncGenerator<Buffer> {
  for (let at = offset; ;) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(partBytes), 0, partBytes, at);
    if (bytesRead === 0) return;
    if (at !== null) at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** All of it; undefined as soon as it is more than `mostBytes`, and the rest is not read. */
export async function readToEnd(
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mostBytes: number,
): Promise<Buffer | undefined> {
  const read: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of parts) {
    bytes += part.length;
    if (bytes > mostBytes) return undefined;
    read.push(part);
  }
  return Buffer.concat(read);
}

/** The last bytes of a stream, as many as there is room for. */
export class EndOf {
  readonly #mostBytes: number;
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
    for (
      let [first] = this.#parts;
      first !== undefined && this.#length - first.length >= this.#mostBytes;
      [first] = this.#parts
    ) {
      this.#parts.shift();
      this.#length -= first.length;
    }
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.#parts);
    return all.subarray(Math.max(0, all.length - this.#mostBytes));
  }
}
