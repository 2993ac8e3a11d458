/** Reads what a TPM signed about its registers. Source: TPM 2.0 Library, part 2, TPMS_ATTEST and TPMT_SIGNATURE. */
import { createHash, createPublicKey, verify } from "node:crypto";
import { Failure } from "../failure.ts";
import { readSelection, sha256Algorithm } from "./selection.ts";
import type { Quote } from "./tpm.ts";
import { Reader } from "./wire.ts";

/** "This is from within a TPM": nothing that comes from outside and begins so is signed by a restricted key. */
const generatedByTpm = 0xff544347;
const quoteType = 0x8018;
const ecdsa = 0x0018;
const coordinateBytes = 32;

export type Quoted = {
  nonce: Buffer;
  pcrs: readonly number[];
  /** SHA-256 of the registers' values, one behind the other. */
  digest: Buffer;
};

/**
 * What is in a quote, once its signature was seen to be right.
 *
 * @throws {Failure<"bad-tpm-data" | "bad-quote">}
 */
export function quotedBy({ publicKey, attest, signature }: Quote): Quoted {
  if (!isSigned({ publicKey, attest, signature })) throw refuse("its signature is not by that key");
  const reader = new Reader(attest);
  if (reader.u32() !== generatedByTpm || reader.u16() !== quoteType) throw refuse("it is no quote of a TPM");
  reader.sized(); // the name of the key
  const nonce = reader.sized();
  reader.take(17); // clock, resets and restarts, and whether the clock is safe
  reader.take(8); // version of the chip's firmware
  return { nonce, pcrs: readSelection(reader), digest: reader.sized() };
}

/** @throws {Failure<"bad-quote">} unless these are the values that were signed */
export function requireValues({ pcrs, digest }: Quoted, values: ReadonlyMap<number, Buffer>): void {
  const hash = createHash("sha256");
  for (const pcr of pcrs) {
    const value = values.get(pcr);
    if (value === undefined) throw refuse(`the value of PCR ${pcr} is missing`);
    hash.update(value);
  }
  if (!hash.digest().equals(digest)) throw refuse(`PCRs ${pcrs.join()} hold something else than what was signed`);
}

function isSigned({ publicKey, attest, signature }: Quote): boolean {
  const reader = new Reader(signature);
  if (reader.u16() !== ecdsa || reader.u16() !== sha256Algorithm)
    throw refuse("it is not signed by ECDSA with SHA-256");
  const [r, s] = [reader.sized(), reader.sized()].map(padded);
  if (r === undefined || s === undefined) return false;
  const key = { key: createPublicKey(publicKey), dsaEncoding: "ieee-p1363" } as const;
  return verify("sha256", attest, key, Buffer.concat([r, s]));
}

/** A TPM leaves leading zeros out. */
function padded(number: Buffer): Buffer | undefined {
  if (number.length > coordinateBytes) return undefined;
  return Buffer.concat([Buffer.alloc(coordinateBytes - number.length), number]);
}

function refuse(reason: string): Failure<"bad-quote"> {
  return new Failure("bad-quote", `cannot believe the quote: ${reason}`);
}
