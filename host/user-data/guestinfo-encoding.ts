/** How the variable `guestinfo.userdata`, or the property of that name, holds a document: as `guestinfo.userdata.encoding` says. */
import { Failure } from "../../lib/failure.ts";

export const guestinfoVariable = "guestinfo.userdata";
const variable = guestinfoVariable;

/** @throws {Failure<"bad-guestinfo">} */
export function decode(value: string, encoding: string): Uint8Array {
  switch (encoding) {
    case "Raw":
      return Buffer.from(value);
    case "base64":
    case "b64":
    case "B64":
      return base64(value);
    case "gzip+base64":
    case "gz+b64": {
      const bytes = base64(value);
      if (bytes[0] === 0x1f && bytes[1] === 0x8b) return bytes; // who reads the document unpacks it
      throw new Failure("bad-guestinfo", `cannot read ${variable}: its encoding is ${encoding}, but it is not gzip`);
    }
    default: {
      const known = "base64, b64, B64, gzip+base64, gz+b64 or Raw";
      throw new Failure("bad-guestinfo", `cannot read ${variable}: its encoding is "${encoding}", expected ${known}`);
    }
  }
}

function base64(value: string): Uint8Array {
  const bytes = decodeBase64(value);
  if (bytes !== undefined) return bytes;
  throw new Failure("bad-guestinfo", `cannot read ${variable}: its encoding is base64, but its value is not`);
}

/** White space does not count. Undefined where the text is no base64 of RFC 4648, which `Buffer` would take in silence. */
export function decodeBase64(value: string): Uint8Array | undefined {
  const text = value.replaceAll(/\s/g, "");
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, "base64") : undefined;
}
