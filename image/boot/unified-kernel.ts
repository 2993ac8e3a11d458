/**
 * What is inside a unified kernel image: the kernel, for QEMU to start without firmware, and the rest.
 *
 * A unified kernel image is a PE file whose section `.linux` is a kernel. Sources: UAPI.5 "Unified Kernel Image",
 * Microsoft's "PE Format".
 */
import { Failure } from "../../lib/failure.ts";

const peOffsetAt = 0x3c;
const fileHeaderBytes = 24;
const sectionHeaderBytes = 40;

export type UnifiedSection = ".linux" | ".initrd" | ".cmdline" | ".osrel" | ".uname";

/** @throws {Failure<"no-kernel">} when it is no such image */
export function kernelOf(image: Uint8Array): Uint8Array {
  return sectionOf(image, ".linux");
}

/** @throws {Failure<"no-kernel">} when it is no such image */
export function sectionOf(image: Uint8Array, wanted: UnifiedSection): Uint8Array {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  const headers = bytes.length > peOffsetAt + 4 ? bytes.readUInt32LE(peOffsetAt) : bytes.length;
  if (bytes.length < headers + fileHeaderBytes || bytes.toString("latin1", headers, headers + 4) !== "PE\0\0") {
    throw new Failure("no-kernel", "cannot take the kernel out of the unified kernel image: it is no PE file");
  }
  const sections = bytes.readUInt16LE(headers + 6);
  const table = headers + fileHeaderBytes + bytes.readUInt16LE(headers + 20);
  for (let at = table; at < table + sections * sectionHeaderBytes && at + sectionHeaderBytes <= bytes.length;) {
    const name = bytes.toString("latin1", at, at + 8).replace(/\0+$/, "");
    const [length, offset] = [bytes.readUInt32LE(at + 8), bytes.readUInt32LE(at + 20)];
    if (name === wanted && offset + length <= bytes.length) return bytes.subarray(offset, offset + length);
    at += sectionHeaderBytes;
  }
  throw new Failure("no-kernel", `cannot take the kernel out of the unified kernel image: it has no ${wanted}`);
}
