/**
 * What puts the signing key's certificate into a firmware that has no Secure Boot keys yet: it becomes platform key,
 * key exchange key and the one entry of the signature database.
 *
 * systemd-boot enrols `loader/keys/auto` by itself in a virtual machine whose firmware is in setup mode, and offers it
 * in its menu on other machines. Sources: UEFI specification 2.10, sections 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2) and
 * 32.4.1 (EFI_SIGNATURE_LIST); systemd-boot(7), "secure-boot-enroll".
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import type { SigningKey } from "./signing-key.ts";

const globalVariables = guid("8be4df61-93ca-11d2-aa0d-00e098032b8c");
const securityDatabase = guid("d719b2cb-3d3a-4596-a3bc-dad00e67656f");
const x509 = guid("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");
const pkcs7 = guid("4aafd29d-68df-49ee-8aa9-347d375665a7");
/** Whoever reads the variables later finds it beside the certificate. */
const owner = guid("3c1b2a52-7c0e-4f0b-9a53-0d6f2b0c7a11");

const variables = { PK: globalVariables, KEK: globalVariables, db: securityDatabase } as const;

/** Files of `loader/keys/auto`, one for each of the firmware's variables. */
export const enrolmentFiles = Object.keys(variables).map((name) => `${name}.auth`);

/** Kept without power, for boot loader and operating system, signed with a time. */
const attributes = 0x27;
const certificateRevision = 0x0200;
const guidCertificate = 0x0ef1;

/** Makes the files in a directory. The same key and time give the same bytes. */
export async function makeEnrolment(
  tools: ToolsRoot,
  key: SigningKey,
  directory: string,
  epochSeconds: number,
): Promise<void> {
  const options = { binds: [directory], readOnlyBinds: [key.directory] };
  const certificate = join(directory, "certificate.der");
  const [message, signature] = [join(directory, "message"), join(directory, "signature")];
  await runTool(tools, ["openssl", "x509", "-in", key.certificate, "-outform", "DER", "-out", certificate], options);
  const list = signatureList(await readFile(certificate));
  const time = efiTime(new Date(epochSeconds * 1000));
  for (const [name, vendor] of Object.entries(variables)) {
    await writeFile(message, Buffer.concat([Buffer.from(name, "utf16le"), vendor, uint32(attributes), time, list]));
    const signing = ["openssl", "cms", "-sign", "-binary", "-noattr", "-md", "sha256", "-outform", "DER"] as const;
    const signer = ["-signer", key.certificate, "-inkey", key.privateKey, "-in", message, "-out", signature];
    await runTool(tools, [...signing, ...signer], options);
    await writeFile(join(directory, `${name}.auth`), authenticated(time, await readFile(signature), list));
  }
  for (const path of [certificate, message, signature]) await rm(path);
}

function signatureList(certificate: Buffer): Buffer {
  const entry = Buffer.concat([owner, certificate]);
  return Buffer.concat([x509, uint32(x509.length + 12 + entry.length), uint32(0), uint32(entry.length), entry]);
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
function guid(text: string): Buffer {
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
