import { expect, test } from "bun:test";
import { kernelOf } from "./unified-kernel.ts";

/** A PE file of those sections, with as little else as the format allows. */
function portableExecutable(sections: Record<string, string>): Buffer {
  const entries = Object.entries(sections);
  const headers = Buffer.alloc(0x40 + 24 + entries.length * 40);
  headers.write("MZ");
  headers.writeUInt32LE(0x40, 0x3c);
  headers.write("PE\0\0", 0x40, "latin1");
  headers.writeUInt16LE(entries.length, 0x46);
  let end = headers.length;
  for (const [index, [name, content]] of entries.entries()) {
    const at = 0x58 + index * 40;
    headers.write(name, at);
    headers.writeUInt32LE(content.length, at + 8);
    headers.writeUInt32LE(end, at + 20);
    end += content.length;
  }
  return Buffer.concat([headers, Buffer.from(Object.values(sections).join(""))]);
}

test("the kernel is the section .linux, byte for byte", () => {
  const image = portableExecutable({ ".osrel": "ID=x\n", ".linux": "the kernel", ".initrd": "y" });
  expect(Buffer.from(kernelOf(image)).toString()).toBe("the kernel");
});

test("what is no PE file, has no kernel or is cut off is refused", () => {
  expect(() => kernelOf(Buffer.from("MZ"))).toThrow("it is no PE file");
  expect(() => kernelOf(Buffer.alloc(4096))).toThrow("it is no PE file");
  expect(() => kernelOf(portableExecutable({ ".text": "x" }))).toThrow("it has no .linux");
  expect(() => kernelOf(portableExecutable({ ".linux": "the kernel" }).subarray(0, -1))).toThrow("it has no .linux");
});
