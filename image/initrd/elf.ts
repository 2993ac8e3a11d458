/**
 * What an ELF file needs to run: its loader and its libraries, whatever architecture it is for.
 *
 * Source: the System V ABI, chapters 4 and 5; only 64-bit little-endian files, which is what our architectures have.
 */
import { Failure } from "../../lib/failure.ts";

export type ElfNeeds = {
  /** Path of the program's interpreter (dynamic loader); undefined for libraries and static programs. */
  loader: string | undefined;
  /** Names of libraries as in DT_NEEDED: "libc.so.6". */
  libraries: readonly string[];
};

const programHeader = { load: 1, dynamic: 2, interpreter: 3 } as const;
const dynamicTag = { end: 0n, needed: 1n, stringTable: 5n } as const;

type Segment = { type: number; offset: number; address: bigint; fileBytes: number };

/** @throws {Failure<"bad-elf">}; `name` is for the message */
export function elfNeeds(file: Uint8Array, name: string): ElfNeeds {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (!isElf(file) || view.getUint8(4) !== 2 || view.getUint8(5) !== 1) {
    throw new Failure("bad-elf", `cannot read ${name}: it is no 64-bit little-endian ELF file`);
  }
  try {
    const segments = readSegments(view);
    const text = (offset: number): string => {
      const end = file.indexOf(0, offset);
      return Buffer.from(file.subarray(offset, end)).toString("latin1");
    };
    const interpreter = segments.find(({ type }) => type === programHeader.interpreter);
    const dynamic = segments.find(({ type }) => type === programHeader.dynamic);
    return {
      loader: interpreter === undefined ? undefined : text(interpreter.offset),
      libraries: dynamic === undefined ? [] : readNeeded(view, dynamic, segments).map(text),
    };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new Failure("bad-elf", `cannot read ${name}: it is cut off`, { cause });
  }
}

export function isElf(file: Uint8Array): boolean {
  return file.length > 64 && Buffer.from(file.subarray(0, 4)).toString("latin1") === "\x7fELF";
}

function readSegments(view: DataView): Segment[] {
  const table = Number(view.getBigUint64(32, true));
  const entryBytes = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * entryBytes;
    return {
      type: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 8, true)),
      address: view.getBigUint64(at + 16, true),
      fileBytes: Number(view.getBigUint64(at + 32, true)),
    };
  });
}

/** Offsets in the file of the names of needed libraries. */
function readNeeded(view: DataView, dynamic: Segment, segments: readonly Segment[]): number[] {
  const needed: number[] = [];
  let strings = 0;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.fileBytes; at += 16) {
    const tag = view.getBigUint64(at, true);
    const value = view.getBigUint64(at + 8, true);
    if (tag === dynamicTag.end) break;
    if (tag === dynamicTag.needed) needed.push(Number(value));
    if (tag === dynamicTag.stringTable) strings = offsetOf(value, segments);
  }
  return needed.map((name) => strings + name);
}

function offsetOf(address: bigint, segments: readonly Segment[]): number {
  const segment = segments.find(
    ({ type, address: start, fileBytes }) =>
      type === programHeader.load && address >= start && address < start + BigInt(fileBytes),
  );
  if (segment === undefined) throw new RangeError("address outside of all segments");
  return Number(address - segment.address) + segment.offset;
}
