/**
 * The few commands of a TPM that attesting takes, straight to the chip: no key is kept, and no daemon is between.
 *
 * Sources: TPM 2.0 Library, part 2 (structures) and part 3 (commands).
 */
import { createPublicKey } from "node:crypto";
import { deferred } from "../deferred.ts";
import { Failure } from "../failure.ts";
import { readSelection, selectionOf, sha256Algorithm } from "./selection.ts";
import { Reader, sized, u16, u32, u8 } from "./wire.ts";

/** Gives a command to the chip and comes back with its response. */
export type Transmit = (command: Uint8Array) => Promise<Uint8Array>;

const commands = {
  createPrimary: 0x0131,
  quote: 0x0158,
  flushContext: 0x0165,
  pcrRead: 0x017e,
  pcrExtend: 0x0182,
} as const;

const [plain, authorised] = [0x8001, 0x8002];
/** Its seed stays when the owner of a machine is another one, and so do the keys made from it. */
const endorsementHierarchy = 0x4000000b;
const nullAlgorithm = 0x0010;
const [ecc, ecdsa, p256] = [0x0023, 0x0018, 0x0003];

/**
 * A key that signs nothing but what the TPM says of itself ("restricted"), never leaves it, and has no password: fixedTPM,
 * fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign.
 */
const attestationKeyAttributes = 0x00050472;

/** The same key each time, as the chip makes it from its seed and this description; nothing is stored anywhere. */
const attestationKeyTemplate = Buffer.concat([
  u16(ecc),
  u16(sha256Algorithm),
  u32(attestationKeyAttributes),
  sized(), // no policy
  u16(nullAlgorithm), // encrypts nothing
  u16(ecdsa),
  u16(sha256Algorithm),
  u16(p256),
  u16(nullAlgorithm), // derives nothing
  sized(), // x
  sized(), // y
]);

/** An empty password, which is that of all that is used here. */
const noPassword = Buffer.concat([u32(9), u32(0x40000009), sized(), u8(0), sized()]);

/** The most that one answer holds. */
const pcrsPerRead = 8;

export type Quote = {
  /** The public part of the key that signed, in PEM. */
  publicKey: string;
  /** TPMS_ATTEST, and the TPMT_SIGNATURE of it. */
  attest: Buffer;
  signature: Buffer;
};

/**
 * What the registers hold, signed by the chip.
 *
 * @param nonce at most 32 bytes, which show that the answer is no older than the question
 * @throws {Failure<"tpm-refused" | "bad-tpm-data">}
 */
export async function quote(transmit: Transmit, pcrs: readonly number[], nonce: Uint8Array): Promise<Quote> {
  const creation = [sized(sized(), sized()), sized(attestationKeyTemplate), sized(), u32(0)];
  const created = await command(transmit, "createPrimary", [u32(endorsementHierarchy)], creation);
  const handle = created.u32();
  await using _unload = deferred(
    async () => void (await transmit(framed(plain, commands.flushContext, [u32(handle)]))),
  );
  created.u32(); // the length of what follows
  const publicKey = pemOf(new Reader(created.sized()));
  const parameters = [sized(Buffer.from(nonce)), u16(nullAlgorithm), selectionOf(pcrs)];
  const answer = await command(transmit, "quote", [u32(handle)], parameters);
  const body = new Reader(answer.take(answer.u32()));
  const attest = Buffer.from(body.sized());
  return { publicKey, attest, signature: rest(body) };
}

/** Adds a SHA-256 digest to a register: what it holds then stands for all that it was extended with, in order. */
export async function extend(transmit: Transmit, pcr: number, digest: Uint8Array): Promise<void> {
  await command(transmit, "pcrExtend", [u32(pcr)], [u32(1), u16(sha256Algorithm), Buffer.from(digest)]);
}

/** @throws {Failure<"tpm-refused">} also when the chip has no bank of SHA-256 */
export async function readRegisters(transmit: Transmit, pcrs: readonly number[]): Promise<Map<number, Buffer>> {
  const values = new Map<number, Buffer>();
  for (let at = 0; at < pcrs.length; at += pcrsPerRead) {
    const wanted = pcrs.slice(at, at + pcrsPerRead);
    const answer = await send(transmit, "pcrRead", framed(plain, commands.pcrRead, [selectionOf(wanted)]));
    answer.u32(); // how often registers were extended
    const read = readSelection(answer);
    const count = answer.u32();
    if (count !== wanted.length) {
      throw new Failure("tpm-refused", `cannot read PCRs ${wanted.join()}: the TPM has only ${read.join() || "none"}`, {
        hint: "the firmware has to give it a bank of SHA-256",
      });
    }
    for (const pcr of read) values.set(pcr, Buffer.from(answer.sized()));
  }
  return values;
}

async function command(
  transmit: Transmit,
  name: keyof typeof commands,
  handles: readonly Buffer[],
  parameters: readonly Buffer[],
): Promise<Reader> {
  return await send(transmit, name, framed(authorised, commands[name], [...handles, noPassword, ...parameters]));
}

async function send(transmit: Transmit, name: keyof typeof commands, bytes: Buffer): Promise<Reader> {
  const answer = new Reader(await transmit(bytes));
  answer.take(6); // tag and size
  const code = answer.u32();
  if (code === 0) return answer;
  throw new Failure("tpm-refused", `cannot use the TPM: it answered ${name} with 0x${code.toString(16)}`, {
    hint: "tpm2_rc_decode of tpm2-tools says what the number means",
  });
}

function framed(tag: number, code: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u16(tag), u32(10 + body.length), u32(code), body]);
}

/** Of a TPMT_PUBLIC of our template. */
function pemOf(area: Reader): string {
  area.take(attestationKeyTemplate.length - 4);
  const [x, y] = [area.sized().toString("base64url"), area.sized().toString("base64url")];
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
  return key.export({ type: "spki", format: "pem" }).toString();
}

/** A TPMT_SIGNATURE of ECDSA, as it stands. */
function rest(body: Reader): Buffer {
  const head = body.take(4);
  return Buffer.concat([head, sized(body.sized()), sized(body.sized())]);
}
