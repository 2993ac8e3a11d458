/**
 * Content for a variable of the firmware, behind the proof of who wrote it.
 *
 * Sources: UEFI specification 2.10, sections 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2) and 32.4.1 (EFI_SIGNATURE_LIST).
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import type { SigningKey } from "./signing-key.ts";
import { signerOf } from "./token.ts";

export const globalVariables = guid("8be4df61-93ca-11d2-aa0d-00e098032b8c");
export const securityDatabase = guid("d719b2cb-3d3a-4596-a3bc-dad00e67656f");
const pkcs7 = guid("4aafd29d-68df-49ee-8aa9-347d375665a7");
/** Whoever reads the variables later finds it beside each entry. */
const owner = guid("3c1b2a52-7c0e-4f0b-9a53-0d6f2b0c7a11");

/** Kept without power, for boot loader and operating system, signed with a time; or put behind what is there. */
const attributes = { replace: 0x27, append: 0x67 };
const certificateRevision = 0x0200;
const guidCertificate = 0x0ef1;

export type VariableUpdate = {
  name: string;
  vendor: Buffer;
  change: keyof typeof attributes;
  /** One or more signature lists. */
  content: Buffer;
};

/** What the firmware is given, signed. `directory` is for what is needed meanwhile. */
export async function authenticatedUpdate(
  tools: ToolsRoot,
  key: SigningKey,
  { name, vendor, change, content }: VariableUpdate,
  { directory, epochSeconds }: { directory: string; epochSeconds: number },
): Promise<Buffer> {
  const time = efiTime(new Date(epochSeconds * 1000));
  const parts = [Buffer.from(name, "utf16le"), vendor, uint32(attributes[change]), time, content];
  return authenticated(time, await signed(tools, key, Buffer.concat(parts), directory), content);
}

/** Entries of one kind and one length. */
export function signatureList(kind: Buffer, entries: readonly Uint8Array[]): Buffer {
  const bytes = owner.length + (entries[0]?.length ?? 0);
  const header = [kind, uint32(kind.length + 12 + entries.length * bytes), uint32(0), uint32(bytes)];
  return Buffer.concat([...header, ...entries.flatMap((entry) => [owner, entry])]);
}

/** A PKCS #7 message without what it is about. */
async function signed(tools: ToolsRoot, key: SigningKey, content: Uint8Array, directory: string): Promise<Buffer> {
  const [message, signature] = [join(directory, "message"), join(directory, "signature")];
  const { openssl, options } = signerOf(key);
  await writeFile(message, content);
  const signing = ["openssl", "cms", "-sign", "-binary", "-noattr", "-md", "sha256", "-outform", "DER"] as const;
  await runTool(tools, [...signing, ...openssl, "-in", message, "-out", signature], {
    ...options,
    binds: [...(options.binds ?? []), directory],
  });
  const der = await readFile(signature);
  for (const path of [message, signature]) await rm(path);
  return der;
}

/** The content of a variable behind the proof of who wrote it. */
function authenticated(time: Buffer, contentInfo: Buffer, list: Buffer): Buffer {
  const data = signedData(contentInfo);
  const length = 8 + pkcs7.length + data.length;
  return Buffer.concat([time, uint32(length), uint16(certificateRevision), uint16(guidCertificate), pkcs7, data, list]);
}

/** Firmware reads the bare SignedData, without the ContentInfo around it: a SEQUENCE of an identifier and [0]. */
function signedData(contentInfo: Buffer): Buffer {
  const inside = contentOf(contentInfo);
  const identifierBytes = 2 + (inside[1] ?? 0);
  return contentOf(inside.subarray(identifierBytes));
}

/** What is in a DER value, whose length takes one byte, or as many as the first one counts. */
function contentOf(der: Buffer): Buffer {
  const first = der[1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const length = lengthBytes === 0 ? first : der.readUIntBE(2, lengthBytes);
  return der.subarray(2 + lengthBytes, 2 + lengthBytes + length);
}

/** EFI_TIME, in UTC. */
function efiTime(time: Date): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(time.getUTCFullYear());
  const rest = [
    time.getUTCMonth() + 1,
    time.getUTCDate(),
    time.getUTCHours(),
    time.getUTCMinutes(),
    time.getUTCSeconds(),
  ];
  bytes.set(rest, 2);
  return bytes;
}

/** A GUID as it is in memory: the first three groups little-endian. */
export function guid(text: string): Buffer {
  const [first = "", second = "", third = "", ...rest] = text.split("-");
  const groups = [first, second, third].map((group) => Buffer.from(group, "hex").reverse());
  return Buffer.concat([...groups, Buffer.from(rest.join(""), "hex")]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
