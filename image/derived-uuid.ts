/** UUIDs that are different for different content and the same for the same: nothing in an image is random. */
import { createHash } from "node:crypto";
import { assert } from "../lib/failure.ts";

/** A UUID (RFC 9562, version 8) for a purpose and what identifies the content. */
export function derivedUuid(purpose: string, content: string): string {
  const bytes = createHash("sha256").update(`orlop ${purpose}\0${content}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return uuidOfHex(bytes.toString("hex"));
}

/** "00112233445566778899aabbccddeeff" with dashes. */
export function uuidOfHex(hex: string): string {
  assert(/^[0-9a-f]{32}$/.test(hex), `32 hexadecimal digits, not ${hex}`);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
