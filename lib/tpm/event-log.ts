/**
 * The log of what firmware and boot loader have measured: each event, and what the registers hold after all of them.
 *
 * Nothing in it is believed for its own sake: it counts as far as a TPM signs the values that it leads to. Source: TCG PC
 * Client Platform Firmware Profile 1.06, section 10 (crypto agile log).
 */
import { createHash } from "node:crypto";
import { Failure } from "../failure.ts";
import { registers, sha256Algorithm } from "./selection.ts";
import { Reader } from "./wire.ts";

/** Says something, and is in no register. */
const noAction = 3;
export const eventTypes = {
  /** A variable of the firmware, such as those of Secure Boot. */
  variable: 0x80000001,
  /** A program that the firmware started; its digest is the Authenticode hash. */
  application: 0x80000003,
  /** Words of a boot loader, among them what systemd-stub adds to a command line. */
  initialProgramLoad: 0x0000000d,
} as const;

export type MeasuredEvent = { pcr: number; type: number; digest: Buffer; data: Buffer };

const specification = "Spec ID Event03\0";
const startupLocality = "StartupLocality\0";
/** A firmware writes some hundred. */
const eventsMost = 10_000;

/** @throws {Failure<"bad-tpm-data">} */
export function readEventLog(log: Uint8Array): MeasuredEvent[] {
  const reader = new Reader(log, "little endian");
  reader.take(8 + 20); // the first event has the old form: register, type, SHA-1
  const digestBytes = digestSizes(reader.take(reader.u32()));
  const events: MeasuredEvent[] = [];
  while (!reader.isAtEnd) {
    if (events.length >= eventsMost) throw refuse(`it has more than ${eventsMost} events`);
    const [pcr, type, count] = [reader.u32(), reader.u32(), reader.u32()];
    let digest: Buffer | undefined;
    for (let index = 0; index < count; index++) {
      const algorithm = reader.u16();
      const bytes = digestBytes.get(algorithm);
      if (bytes === undefined) throw refuse(`it has a digest of the algorithm 0x${algorithm.toString(16)}`);
      const value = reader.take(bytes);
      if (algorithm === sha256Algorithm) digest = value;
    }
    const data = reader.take(reader.u32());
    if (digest === undefined) throw refuse(`event ${events.length} has no SHA-256`);
    if (pcr >= registers && type !== noAction) throw refuse(`event ${events.length} is about PCR ${pcr}`);
    events.push({ pcr, type, digest, data });
  }
  return events;
}

/** What a register holds after these events. */
export function replay(events: readonly MeasuredEvent[], pcr: number): Buffer {
  let value: Buffer = Buffer.alloc(32);
  if (pcr === 0) value[31] = localityOf(events);
  for (const { digest } of measuredInto(events, pcr)) value = extended(value, digest);
  return value;
}

/** Those that a register stands for. Type and data are what the log says of them, and only the digest is in the register. */
export function measuredInto(events: readonly MeasuredEvent[], pcr: number): MeasuredEvent[] {
  return events.filter((event) => event.pcr === pcr && event.type !== noAction);
}

/** As a TPM extends. */
export function extended(register: Uint8Array, digest: Uint8Array): Buffer {
  return createHash("sha256").update(register).update(digest).digest();
}

/** Of whoever started the TPM; PCR 0 begins with it. */
function localityOf(events: readonly MeasuredEvent[]): number {
  const stated = events.find(
    ({ type, data }) => type === noAction && data.toString("latin1", 0, startupLocality.length) === startupLocality,
  );
  return stated?.data[startupLocality.length] ?? 0;
}

function digestSizes(header: Buffer): ReadonlyMap<number, number> {
  const reader = new Reader(header, "little endian");
  if (reader.take(specification.length).toString("latin1") !== specification) throw refuse("it has the old form");
  reader.take(4 + 4); // class of the platform; versions, and the size of a number
  const count = reader.u32();
  const sizes = new Map<number, number>();
  for (let index = 0; index < count; index++) sizes.set(reader.u16(), reader.u16());
  return sizes;
}

function refuse(reason: string): Failure<"bad-tpm-data"> {
  return new Failure("bad-tpm-data", `cannot read the firmware's log of measurements: ${reason}`);
}
