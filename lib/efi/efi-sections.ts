/** The sections of an EFI program, as they lie in memory: without what fills them up in the file. Source: PE/COFF. */
import { Failure } from "../failure.ts";

const headerBytes = 24;
const sectionBytes = 40;

/** By name, in the order of the program's table. @throws {Failure<"bad-program">} */
export function efiSections(program: Uint8Array, name: string): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const refuse = (reason: string) => new Failure("bad-program", `cannot use ${name}: ${reason}`);
  const header = bytes.length > 64 ? bytes.readUInt32LE(60) : bytes.length;
  if (bytes.length < header + headerBytes || bytes.toString("latin1", header, header + 4) !== "PE\0\0") {
    throw refuse("it is no EFI program");
  }
  const table = header + headerBytes + bytes.readUInt16LE(header + 20);
  const count = bytes.readUInt16LE(header + 6);
  if (bytes.length < table + count * sectionBytes) throw refuse("its section table is cut off");
  const sections = new Map<string, Buffer>();
  for (let at = table; at < table + count * sectionBytes; at += sectionBytes) {
    const section = bytes.toString("latin1", at, at + 8).replace(/\0+$/, "");
    const length = Math.min(bytes.readUInt32LE(at + 8), bytes.readUInt32LE(at + 16));
    const offset = bytes.readUInt32LE(at + 20);
    if (offset + length > bytes.length) throw refuse(`its section ${section} is cut off`);
    sections.set(section, bytes.subarray(offset, offset + length));
  }
  return sections;
}
