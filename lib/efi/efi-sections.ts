/**
 * The sections of an EFI program, as they lie in memory: without what fills them up in the file.
 *
 * Sources: Microsoft's "PE Format"; a unified kernel image is such a program, whose kernel is its section `.linux` (UAPI.5).
 */
import { Failure } from "../failure.ts";

export type EfiSection = {
  name: string;
  /** Where it is put, from the beginning of the program in memory. */
  address: number;
  /** Where it is in the file. */
  offset: number;
  bytes: number;
};

/** Linkers write headers of some hundred bytes; what is further away is not looked for. */
export const efiHeaderBytes = 64 * 1024;

const programHeaderBytes = 24;
const sectionHeaderBytes = 40;
const mostSections = 96; // as the Windows loader has it

/**
 * In the order of the program's table; whether the file has all of each is not looked at.
 *
 * @param head the first `efiHeaderBytes` of the file, or all of it
 * @param name of the program, for refusals: "the unified image"
 * @throws {Failure<"bad-program">}
 */
export function efiSectionTable(head: Buffer, name: string): EfiSection[] {
  const at = head.length >= 64 ? head.readUInt32LE(60) : head.length;
  if (head.length < at + programHeaderBytes || head.toString("latin1", at, at + 4) !== "PE\0\0") {
    throw refuse(name, "it is no EFI program");
  }
  const count = head.readUInt16LE(at + 6);
  if (count > mostSections) throw refuse(name, `it has ${count} sections`);
  const table = at + programHeaderBytes + head.readUInt16LE(at + 20);
  if (head.length < table + count * sectionHeaderBytes) throw refuse(name, "its section table is cut off");
  return Array.from({ length: count }, (_, index) => {
    const entry = table + index * sectionHeaderBytes;
    return {
      name: head.toString("latin1", entry, entry + 8).replace(/\0+$/, ""),
      address: head.readUInt32LE(entry + 12),
      offset: head.readUInt32LE(entry + 20),
      bytes: Math.min(head.readUInt32LE(entry + 8), head.readUInt32LE(entry + 16)),
    };
  });
}

/** What is in a whole program, by name, in the order of its table. @throws {Failure<"bad-program">} */
export function efiSections(program: Uint8Array, name: string): ReadonlyMap<string, Buffer> {
  const file = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const sections = new Map<string, Buffer>();
  for (const { name: section, offset, bytes } of efiSectionTable(file, name)) {
    if (offset + bytes > file.length) throw refuse(name, `its section ${section} is cut off`);
    sections.set(section, file.subarray(offset, offset + bytes));
  }
  return sections;
}

/** One of them. @throws {Failure<"bad-program">} where it is missing, too */
export function efiSection(program: Uint8Array, section: string, name: string): Buffer {
  return sectionIn(efiSections(program, name), section, name);
}

/** @throws {Failure<"bad-program">} where it is missing */
export function sectionIn<Content>(sections: ReadonlyMap<string, Content>, section: string, name: string): Content {
  const content = sections.get(section);
  if (content === undefined) throw refuse(name, `it has no section ${section}`);
  return content;
}

function refuse(name: string, reason: string): Failure<"bad-program"> {
  return new Failure("bad-program", `cannot use ${name}: ${reason}`);
}
