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
  const { bytes, checksum, entry, certificates } = partsOf(program, name);
  const hash = createHash("sha256");
  hash.update(bytes.subarray(0, checksum));
  hash.update(bytes.subarray(checksum + checksumBytes, entry));
  hash.update(bytes.subarray(entry + directoryEntryBytes, certificates));
  return hash.digest();
}

/**
 * The signatures at its end, each with the certificate of whoever signed; empty where it is not signed.
 *
 * @throws {Failure<"bad-program">}
 */
export function signaturesIn(program: Uint8Array, name: string): Buffer {
  const { bytes, certificates } = partsOf(program, name);
  return bytes.subarray(certificates);
}

/** Where in it are its checksum, the entry of its certificates, and these themselves: at its end where there are none. */
function partsOf(
  program: Uint8Array,
  name: string,
): { bytes: Buffer; checksum: number; entry: number; certificates: number } {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const header = bytes.length > 64 ? bytes.readUInt32LE(60) : 0;
  const optional = header + 24;
  const checksum = optional + 64;
  const entry = optional + 112 + certificatesIndex * directoryEntryBytes;
  if (bytes.toString("latin1", header, header + 4) !== "PE\0\0" || bytes.length < entry + directoryEntryBytes) {
    throw new Failure("bad-program", `cannot use ${name}: it is no EFI program`);
  }
  const certificates = bytes.readUInt32LE(entry);
  return { bytes, checksum, entry, certificates: certificates === 0 ? bytes.length : certificates };
}
