/** Which registers of a TPM are meant, in the bank of SHA-256. Source: TPM 2.0 Library, part 2, TPML_PCR_SELECTION. */
import { Failure } from "../failure.ts";
import { type Reader, u16, u32, u8 } from "./wire.ts";

export const sha256Algorithm = 0x000b;
/** Registers of a PC. */
export const registers = 24;

export function selectionOf(pcrs: readonly number[]): Buffer {
  const bits = Buffer.alloc(registers / 8);
  for (const pcr of pcrs) bits[pcr >> 3] = (bits[pcr >> 3] ?? 0) | (1 << (pcr & 7));
  return Buffer.concat([u32(1), u16(sha256Algorithm), u8(bits.length), bits]);
}

/** In ascending order. @throws {Failure<"bad-tpm-data">} for registers of another bank */
export function readSelection(reader: Reader): number[] {
  const count = reader.u32();
  if (count > 1) throw refuse(`${count} banks of registers, where one is expected`);
  if (count === 0) return [];
  const algorithm = reader.u16();
  const bits = reader.take(reader.u8());
  if (algorithm !== sha256Algorithm) throw refuse(`registers of the algorithm 0x${algorithm.toString(16)}`);
  return Array.from({ length: bits.length * 8 }, (_, pcr) => pcr).filter(
    (pcr) => ((bits[pcr >> 3] ?? 0) & (1 << (pcr & 7))) !== 0,
  );
}

function refuse(subject: string): Failure<"bad-tpm-data"> {
  return new Failure("bad-tpm-data", `cannot use what a TPM wrote: it is about ${subject}`);
}
