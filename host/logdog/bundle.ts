/**
 * The content of a support archive: everything useful and no secret. What cannot be had stands in `logdog.errors`
 * inside it and keeps nothing else out.
 */
import { open } from "node:fs/promises";
import { explain, Failure } from "../../lib/failure.ts";
import { EndOf, partsOf } from "../../lib/files/read-to-end.ts";
import { hostPath, type System } from "../machine/system.ts";
import type { LogRequest } from "./requests.ts";

const programTimeoutMs = 60_000;

/** Of a part, its end; and of all of them. They are in memory until they are packed: logdog.service has 1 GiB. */
export type ArchiveLimits = { partBytes: number; wholeBytes: number };
const archiveLimits: ArchiveLimits = { partBytes: 32 * 1024 * 1024, wholeBytes: 128 * 1024 * 1024 };
/**
 * What is read before the end that is kept, so that what begins before it is seen whole and masked: more than the
 * longest secret, which came in with a request of 2 MiB, has in base64.
 */
const leadBytes = 4 * 1024 * 1024;

/**
 * The content of the archive by name.
 *
 * @param mask takes secrets out of every text
 * @param known what the caller knows already, without secrets: settings, status
 */
export async function collect(
  system: System,
  requests: readonly LogRequest[],
  known: Readonly<Record<string, () => Promise<string>>>,
  mask: (text: string) => string,
  signal: AbortSignal,
  { partBytes, wholeBytes }: ArchiveLimits = archiveLimits,
): Promise<Record<string, Uint8Array>> {
  const collected: Record<string, Uint8Array> = {};
  const errors: string[] = [];
  let leftBytes = wholeBytes;
  const add = async (name: string, read: (mostBytes: number) => Promise<Uint8Array | string>): Promise<void> => {
    signal.throwIfAborted();
    try {
      const mostBytes = Math.min(partBytes, leftBytes);
      if (mostBytes === 0) throw new Failure("archive-full", `cannot add it: the archive has ${wholeBytes} bytes`);
      const bytes = maskedEnd(Buffer.from(await read(mostBytes + leadBytes)), mostBytes, mask);
      collected[name] = bytes;
      leftBytes -= bytes.length;
    } catch (error) {
      signal.throwIfAborted();
      errors.push(mask(`${name}: ${explain(error)}`));
    }
  };
  for (const [name, read] of Object.entries(known)) await add(name, read);
  // One after the other: whoever needs this has a machine in need.
  for (const request of requests) {
    await add(request.name, async (mostBytes) => await answer(system, request, mostBytes, signal));
  }
  return errors.length === 0 ? collected : { ...collected, "logdog.errors": Buffer.from(`${errors.join("\n")}\n`) };
}

/** Masked first and cut then: of a secret that lies across the cut, half would go out otherwise. */
function maskedEnd(bytes: Buffer, mostBytes: number, mask: (text: string) => string): Buffer {
  const isWhole = bytes.length < mostBytes + leadBytes;
  const open = mask(bytes.toString("utf8"));
  // The lead may begin in the middle of a secret.
  const masked = Buffer.from(isWhole ? open : open.slice(leadBytes));
  const end = masked.subarray(Math.max(0, masked.length - mostBytes));
  // Not in the middle of a character: what continues one begins with the bits 10.
  const start = end.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return start > 0 ? end.subarray(start) : end;
}

async function answer(
  system: System,
  request: LogRequest,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | string> {
  if ("file" in request) return await endOfFile(hostPath(system, request.file), mostBytes);
  const limits = { limitMs: programTimeoutMs, outputBytesMost: mostBytes, keepsEnd: true, signal };
  const output = await system.run(request.run, limits);
  const { lines } = request;
  return lines === undefined ? output : matching(output, lines);
}

function matching(output: string, lines: RegExp): string {
  return output
    .split("\n")
    .filter((line) => lines.test(line))
    .map((line) => `${line}\n`)
    .join("");
}

/** Files of the kernel say that they have no bytes, and have some. */
async function endOfFile(path: string, mostBytes: number): Promise<Uint8Array> {
  await using file = await open(path);
  const { size } = await file.stat();
  const end = new EndOf(mostBytes);
  for await (const part of partsOf(file, Math.max(0, size - mostBytes))) end.add(part);
  return end.bytes();
}

/** The archive as one file: tar and gzip, below one directory. */
export async function pack(directory: string, content: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array> {
  const entries = Object.fromEntries(Object.entries(content).map(([name, bytes]) => [`${directory}/${name}`, bytes]));
  return await new Bun.Archive(entries, { compress: "gzip" }).bytes();
}
