/** Numbers and lengths as a TPM writes them: big endian, and what has a length behind its length. */
import { Failure } from "../failure.ts";

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A TPM2B structure. */
export function sized(...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([u16(content.length), content]);
}

/** Reads from the front on. What is cut off is refused, never read past. */
export class Reader {
  readonly #bytes: Buffer;
  readonly #order: "big endian" | "little endian";
  #at = 0;

  /** @param order what a TPM says is big endian, what a firmware writes down is not */
  constructor(bytes: Uint8Array, order: "big endian" | "little endian" = "big endian") {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#order = order;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** @throws {Failure<"bad-tpm-data">} */
  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new Failure(
        "bad-tpm-data",
        `cannot read what a TPM wrote: it is cut off after ${this.#bytes.length} bytes`,
      );
    }
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    const bytes = this.take(2);
    return this.#order === "big endian" ? bytes.readUInt16BE() : bytes.readUInt16LE();
  }

  u32(): number {
    const bytes = this.take(4);
    return this.#order === "big endian" ? bytes.readUInt32BE() : bytes.readUInt32LE();
  }

  sized(): Buffer {
    return this.take(this.u16());
  }
}
