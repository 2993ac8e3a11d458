/**
 * Whether a host is what it is taken for: from what it showed, and what is known of its key and of images. No network, no
 * clock.
 *
 * Nothing of the evidence counts before the TPM's signature covers it: the quote its registers, the registers the logs, the
 * logs what they say. RFC 9334 calls who does this the verifier.
 */
import { createHash, createPublicKey } from "node:crypto";
import { Failure } from "../../lib/failure.ts";
import { authenticodeHash } from "../../lib/efi/authenticode.ts";
import { makeAddon } from "../../lib/efi/boot-addon.ts";
import { eventTypes, measuredInto, type MeasuredEvent, readEventLog, replay } from "../../lib/tpm/event-log.ts";
import type { MeasuredImage } from "../../lib/tpm/measured-image.ts";
import { quotedBy, requireValues } from "../../lib/tpm/quoted.ts";
import { attestedRegisters, type Evidence, type MeasuredSettings, replayed, settingsRegister } from "./evidence.ts";

export type ExpectedHost = {
  /** The host's key, as it was when it was first seen; PEM. */
  publicKey: string;
  /** That the answer is to this question. */
  nonce: string;
  /** What the host may run, by name. Its boot loader may be that of any of them: updates leave it as it is. */
  images: ReadonlyMap<string, MeasuredImage>;
  /** Words that may stand behind the signed ones on the command line. */
  addedWords?: string | undefined;
  /** The digest of settings. */
  settings?: string | undefined;
  /** The digest of the firmware. */
  firmware?: string | undefined;
};

export type Verified = {
  image: string;
  /** Words that are signed with the image, and those that were added to them. */
  commandLine: string;
  addedWords: string;
  secureBoot: boolean;
  /** SHA-256 of what PCRs 0 and 2 hold: the firmware's own programs, and those of cards, whose hashes no image can know. */
  firmware: string;
  settings: MeasuredSettings;
};

/** @throws {Failure<"not-attested" | "bad-quote" | "bad-tpm-data">} */
export function verified(shown: Evidence, expected: ExpectedHost): Verified {
  requireKey(shown.publicKey, expected.publicKey);
  const values = signedValues(shown, expected.nonce);
  const events = readEventLog(Buffer.from(shown.firmwareLog, "base64"));
  for (const pcr of attestedRegisters) {
    if (pcr === settingsRegister || replay(events, pcr).equals(valueOf(values, pcr))) continue;
    throw refuse(`the log of the firmware does not lead to what PCR ${pcr} holds`);
  }
  const { name, image } = imageOf(valueOf(values, 11), expected.images);
  const addedWords = wordsIn(events);
  if (addedWords !== (expected.addedWords ?? "")) {
    throw refuse(`its command line has other words added than "${expected.addedWords ?? ""}": "${addedWords}"`);
  }
  requirePrograms(events, image, { images: expected.images, addedWords });
  requireNoLateDriver(events);
  const firmware = createHash("sha256").update(valueOf(values, 0)).update(valueOf(values, 2)).digest("hex");
  if (expected.firmware !== undefined && firmware !== expected.firmware) {
    throw refuse(`its firmware is ${firmware}, not ${expected.firmware}`, {
      hint: "a firmware that was updated has another digest, and so has one with another card",
    });
  }
  const settings = settingsOf(shown, valueOf(values, settingsRegister));
  if (expected.settings !== undefined && settings.digest !== expected.settings) {
    throw refuse(`its settings, at version ${settings.version}, are ${settings.digest}, not ${expected.settings}`);
  }
  return {
    image: name,
    commandLine: image.commandLine,
    addedWords,
    secureBoot: isSecureBoot(events),
    firmware,
    settings,
  };
}

function requireKey(shown: string, expected: string): void {
  if (sameKey(shown, expected)) return;
  throw refuse("another TPM answered than the one whose key is known", {
    hint: "a host whose board was replaced has another one; remove the file of its key to take that",
  });
}

function sameKey(shown: string, expected: string): boolean {
  try {
    return createPublicKey(shown).equals(createPublicKey(expected));
  } catch (cause) {
    throw new Failure("not-attested", "cannot believe the host: a key of it is none", { cause });
  }
}

/** What the registers hold, as the TPM signed it. */
function signedValues({ publicKey, attest, signature, pcrs }: Evidence, nonce: string): ReadonlyMap<number, Buffer> {
  const quoted = quotedBy({
    publicKey,
    attest: Buffer.from(attest, "base64"),
    signature: Buffer.from(signature, "base64"),
  });
  if (quoted.nonce.toString("hex") !== nonce) throw refuse("its answer is to another question, and may be an old one");
  if (quoted.pcrs.join() !== attestedRegisters.join()) throw refuse(`it signed PCRs ${quoted.pcrs.join() || "none"}`);
  const values = new Map(Object.entries(pcrs).map(([pcr, value]) => [Number(pcr), Buffer.from(value, "hex")]));
  requireValues(quoted, values);
  return values;
}

function valueOf(values: ReadonlyMap<number, Buffer>, pcr: number): Buffer {
  const value = values.get(pcr);
  if (value === undefined) throw refuse(`it does not say what PCR ${pcr} holds`);
  return value;
}

function imageOf(pcr11: Buffer, images: ExpectedHost["images"]): { name: string; image: MeasuredImage } {
  for (const [name, image] of images) if (image.pcr11 === pcr11.toString("hex")) return { name, image };
  throw refuse(`it runs none of ${[...images.keys()].join(", ")}: PCR 11 is ${pcr11.toString("hex")}`);
}

/**
 * PCR 11 alone could be extended by a program that another loader started in place of the image. What firmware starts, it
 * measures by itself, before it starts; whoever was started first may extend PCR 4 as well, but take nothing back.
 *
 * Only hashes are signed, and not what the log calls them: each event has to be a program that is known, or no program.
 */
function requirePrograms(
  events: readonly MeasuredEvent[],
  image: MeasuredImage,
  { images, addedWords }: { images: ExpectedHost["images"]; addedWords: string },
): void {
  const known = new Set([...images.values()].flatMap(({ loader }) => [loader]));
  // Words are added by a program that holds nothing else. The one of the image before lies there until the host makes its own.
  if (addedWords !== "") for (const { addonStub } of images.values()) known.add(addonHash(addonStub, addedWords));
  for (const program of [image.unifiedImage, image.kernel]) known.add(program);
  const started = measuredInto(events, 4);
  const unknown = started.find((event) => !known.has(event.digest.toString("hex")) && !isRemark(event));
  if (unknown !== undefined) {
    throw refuse(`its firmware started a program that is in none of the images: ${unknown.digest.toString("hex")}`, {
      hint: "a host that was updated has the boot loader of its first image: name that image too",
    });
  }
  if (!started.some(({ digest }) => digest.toString("hex") === image.unifiedImage)) {
    throw refuse("its firmware did not start the image that it shows");
  }
}

/**
 * Of drivers, only those of the firmware and its cards come before it is done with itself, which it says by a separator; what
 * lies on a disk comes after. Source: TCG PC Client Platform Firmware Profile 1.06, 3.3.4.3; systemd-boot(7), drivers.
 */
function requireNoLateDriver(events: readonly MeasuredEvent[]): void {
  const loaded = measuredInto(events, 2);
  const late = loaded[loaded.findIndex(({ digest }) => digest.equals(separator)) + 1];
  if (late === undefined) return;
  throw refuse(`a driver was loaded after its firmware was done: ${late.digest.toString("hex")}`, {
    hint: "look at EFI/systemd/drivers and EFI/BOOT on its ESP",
  });
}

/** Text or a separator, whose hash is therefore that of no program: those are longer, and have other bytes. */
function isRemark({ digest, data }: MeasuredEvent): boolean {
  const isText = data.length <= remarkBytesMost && data.every((byte) => byte >= 0x20 && byte <= 0x7e);
  return (isText || data.length === 4) && createHash("sha256").update(data).digest().equals(digest);
}

const remarkBytesMost = 128;
const separator = createHash("sha256").update(Buffer.alloc(4)).digest();

function addonHash(stub: string, words: string): string {
  return authenticodeHash(makeAddon(Buffer.from(stub, "base64"), words), "the addon").toString("hex");
}

/**
 * What was measured into PCR 12: words in UTF-16, which are measured as they stand in the log. The boot menu measures those that
 * it hands over, and systemd-stub those that it was handed: the same ones twice. Source: systemd's src/boot/stub.c.
 */
function wordsIn(events: readonly MeasuredEvent[]): string {
  const texts = events.filter(({ pcr }) => pcr === 12).map(wordsOf);
  return [...new Set(texts)].join(" ");
}

function wordsOf({ type, digest, data }: MeasuredEvent): string {
  const isText = type === eventTypes.initialProgramLoad && createHash("sha256").update(data).digest().equals(digest);
  if (!isText) throw refuse(`something that is no words was added to its boot: ${digest.toString("hex")}`);
  return data.toString("utf16le").replace(/\0+$/, "");
}

function settingsOf({ settings }: Evidence, register: Buffer): MeasuredSettings {
  const last = settings.events.at(-1);
  if (last === undefined || !replayed(settings).equals(register)) {
    throw refuse(`its log of settings does not lead to what PCR ${settingsRegister} holds`);
  }
  return last;
}

/**
 * The first variable that firmware measures into PCR 7; whoever is root may append another one. A UEFI_VARIABLE_DATA: vendor,
 * lengths of name and value, name in UTF-16, value.
 */
function isSecureBoot(events: readonly MeasuredEvent[]): boolean {
  const nameAt = 32;
  const first = measuredInto(events, 7).find((event) => !isRemark(event));
  if (first === undefined || first.data.length < nameAt) return false;
  const { digest, data } = first;
  if (!createHash("sha256").update(data).digest().equals(digest)) return false;
  const end = nameAt + 2 * data.readUInt32LE(16);
  return data.toString("utf16le", nameAt, end) === "SecureBoot" && data[end] === 1;
}

function refuse(reason: string, options: { hint?: string } = {}): Failure<"not-attested"> {
  return new Failure("not-attested", `cannot believe the host: ${reason}`, options);
}
