/**
 * The hash by which firmware knows an EFI program: of all but its checksum and its signatures.
 *
 * Source: "Windows Authenticode Portable Executable Signature Format"; only PE32+, which is what 64-bit firmware starts.
 */
import { createHash } from "node:crypto";
import { Failure } from "../failure.ts";

const checksumBytes = 4;
const directoryEntryBytes = 8;
/** Of the certificates in the table of directories. */
const certificatesIndex = 4;

/** SHA-256. @throws {Failure<"bad-program">} */
export function authenticodeHash(program: Uint8Array, name: string): Buffer {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const header = bytes.length > 64 ? bytes.readUInt32LE(60) : 0;
  const optional = header + 24;
  const checksum = optional + 64;
  const entry = optional + 112 + certificatesIndex * directoryEntryBytes;
  if (bytes.toString("latin1", header, header + 4) !== "PE\0\0" || bytes.length < entry + directoryEntryBytes) {
    throw new Failure("bad-program", `cannot use ${name}: it is no EFI program`);
  }
  const certificates = bytes.readUInt32LE(entry);
  const end = certificates === 0 ? bytes.length : certificates;
  const hash = createHash("sha256");
  hash.update(bytes.subarray(0, checksum));
  hash.update(bytes.subarray(checksum + checksumBytes, entry));
  hash.update(bytes.subarray(entry + directoryEntryBytes, end));
  return hash.digest();
}
