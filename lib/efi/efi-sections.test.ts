/** Protects: of an EFI program that was cut off, or is none, nothing is taken for a section. */
import { expect, test } from "bun:test";
import { efiProgram } from "../../test/worlds/update/update-image.ts";
import { efiSection, efiSections, efiSectionTable } from "./efi-sections.ts";

const program = efiProgram({ ".osrel": Buffer.from("ID=x\n"), ".linux": Buffer.from("the kernel") });
const linux = (bytes: Uint8Array): Buffer => efiSection(bytes, ".linux", "it");

test("sections have their bytes, without what fills them up, in the order of the table", () => {
  const sections = efiSections(program, "it");
  expect([...sections.keys()]).toEqual([".osrel", ".linux"]);
  expect(linux(program).toString()).toBe("the kernel");
  const [, kernel] = efiSectionTable(program, "it");
  expect(program.toString("utf8", kernel?.offset, (kernel?.offset ?? 0) + (kernel?.bytes ?? 0))).toBe("the kernel");
});

test("bytes that stand in a larger buffer are read where they stand", () => {
  const larger = new Uint8Array(Buffer.concat([Buffer.alloc(7), program]));
  expect(linux(larger.subarray(7)).toString()).toBe("the kernel");
});

test("what is no EFI program, lacks a section, has too many or is cut off is refused with the reason", () => {
  const text = (bytes: Uint8Array) => (): Buffer => linux(bytes);
  expect(text(Buffer.from("MZ"))).toThrow("cannot use it: it is no EFI program");
  expect(text(Buffer.alloc(4096))).toThrow("it is no EFI program");
  expect(text(efiProgram({ ".text": Buffer.from("x") }))).toThrow("it has no section .linux");
  const many = Buffer.from(program);
  many.writeUInt16LE(97, many.readUInt32LE(60) + 6);
  expect(text(many)).toThrow("it has 97 sections");
});

test("no length of a program that was cut off gives a section that is not whole", () => {
  for (let bytes = 0; bytes < program.length; bytes++) {
    let kernel: string | undefined;
    try {
      kernel = linux(program.subarray(0, bytes)).toString();
    } catch (error) {
      expect(String(error)).toMatch(/it is no EFI program|section table is cut off|section \.\w+ is cut off/);
    }
    expect(kernel === undefined || kernel === "the kernel").toBe(true);
  }
});
