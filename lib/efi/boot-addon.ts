/**
 * Words for the kernel command line as an addon of a unified kernel image: an EFI program that holds nothing but the
 * section `.cmdline`, which systemd-stub appends to the image's own command line.
 *
 * Sources: systemd-stub(7), "Companion files"; Microsoft PE Format (COFF header, optional header, section table).
 */
import { assert, Failure, isFailure } from "../failure.ts";
import { efiSections } from "./efi-sections.ts";

const sectionName = ".cmdline";
const sectionHeaderBytes = 40;
/** Offsets in the COFF header, which follows the signature. */
const coff = { sections: 2, optionalHeaderBytes: 16, bytes: 20 };
/** Offsets in the optional header of a 64-bit image. */
const optional = {
  magic: 0x20b,
  initializedBytes: 8,
  sectionAlignment: 32,
  fileAlignment: 36,
  imageBytes: 56,
  headersBytes: 60,
};
/** Initialized data, readable. */
const dataSection = 0x4000_0040;

type Layout = { coffAt: number; optionalAt: number; tableAt: number; sections: Section[] };
type Section = { name: string; virtualAt: number; virtualBytes: number };

/**
 * The addon with these words.
 *
 * @param stub systemd's `addonx64.efi.stub`, or that of another architecture
 * @throws {Failure<"bad-stub">}
 */
export function makeAddon(stub: Uint8Array, words: string): Buffer {
  const template = Buffer.from(stub);
  const { coffAt, optionalAt, tableAt, sections } = layoutOf(template);
  const headerAt = tableAt + sections.length * sectionHeaderBytes;
  const sectionAlignment = template.readUInt32LE(optionalAt + optional.sectionAlignment);
  const fileAlignment = template.readUInt32LE(optionalAt + optional.fileAlignment);
  const hasRoom = headerAt + sectionHeaderBytes <= template.readUInt32LE(optionalAt + optional.headersBytes);
  if (!hasRoom || sections.some(({ name }) => name === sectionName)) {
    throw new Failure(
      "bad-stub",
      `cannot make a boot addon: the stub has no room for a section, or has ${sectionName}`,
    );
  }

  const content = Buffer.from(words);
  const virtualAt = Math.max(
    ...sections.map((section) => align(section.virtualAt + section.virtualBytes, sectionAlignment)),
  );
  const rawAt = align(template.length, fileAlignment);
  const rawBytes = align(content.length, fileAlignment);
  const addon = Buffer.alloc(rawAt + rawBytes);
  template.copy(addon);
  content.copy(addon, rawAt);

  addon.write(sectionName, headerAt, "latin1");
  addon.writeUInt32LE(content.length, headerAt + 8);
  addon.writeUInt32LE(virtualAt, headerAt + 12);
  addon.writeUInt32LE(rawBytes, headerAt + 16);
  addon.writeUInt32LE(rawAt, headerAt + 20);
  addon.writeUInt32LE(dataSection, headerAt + 36);
  addon.writeUInt16LE(sections.length + 1, coffAt + coff.sections);
  const initialized = addon.readUInt32LE(optionalAt + optional.initializedBytes);
  addon.writeUInt32LE(initialized + rawBytes, optionalAt + optional.initializedBytes);
  addon.writeUInt32LE(align(virtualAt + content.length, sectionAlignment), optionalAt + optional.imageBytes);
  return addon;
}

/** The words of an addon; undefined when it is none. */
export function wordsOfAddon(addon: Uint8Array): string | undefined {
  try {
    return efiSections(addon, "the boot addon").get(sectionName)?.toString("utf8").replace(/\0+$/, "");
  } catch (error) {
    // A file that was cut short, by a power failure or by hand.
    if (isFailure(error, "bad-program")) return undefined;
    throw error;
  }
}

function layoutOf(image: Buffer): Layout {
  const refuse = (): Failure => new Failure("bad-stub", "cannot read a boot addon: it is no 64-bit EFI program");
  if (image.length < 0x40 || image.toString("latin1", 0, 2) !== "MZ") throw refuse();
  const signatureAt = image.readUInt32LE(0x3c);
  if (image.toString("latin1", signatureAt, signatureAt + 4) !== "PE\0\0") throw refuse();
  const coffAt = signatureAt + 4;
  const optionalAt = coffAt + coff.bytes;
  if (image.readUInt16LE(optionalAt) !== optional.magic) throw refuse();
  const tableAt = optionalAt + image.readUInt16LE(coffAt + coff.optionalHeaderBytes);
  const sections = Array.from({ length: image.readUInt16LE(coffAt + coff.sections) }, (_, index) => {
    const at = tableAt + index * sectionHeaderBytes;
    return {
      name: image.toString("latin1", at, at + 8).replace(/\0+$/, ""),
      virtualBytes: image.readUInt32LE(at + 8),
      virtualAt: image.readUInt32LE(at + 12),
    };
  });
  return { coffAt, optionalAt, tableAt, sections };
}

function align(value: number, alignment: number): number {
  assert(alignment > 0);
  return Math.ceil(value / alignment) * alignment;
}
