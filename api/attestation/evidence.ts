/**
 * What a host shows of itself, signed by its TPM: `GET /attestation`.
 *
 * Registers 0 to 7 are the firmware's, 11 and 12 those of systemd-stub: the image, and what was added to its command line.
 * 14 is the settings'. It is free here: systemd and the kernel use 9 to 13 and 15, GRUB 8, and shim, which is in no image of
 * ours, 14. 16 and 23 will not do: whoever is root sets them back to zero.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { extended } from "../../lib/tpm/event-log.ts";
import { sha256 } from "../../lib/tpm/measured-image.ts";

export const settingsRegister = 14;
export const attestedRegisters = [0, 1, 2, 3, 4, 5, 6, 7, 11, 12, settingsRegister] as const;

/** At least 8 bytes, at most what a TPM takes of every kind. */
export const nonceHex = z.string().regex(/^(?:[0-9a-f]{2}){8,32}$/, "must be 8 to 32 bytes in hexadecimal digits");

export const measuredSettings = z.object({
  /** Of the settings that someone set; 0 before the first. */
  version: z.int().nonnegative(),
  /** Of the hash of the newest entry in the log of settings, which stands for all before it. */
  head: sha256,
  /** Of these settings by themselves, whatever was before. Both are HMACs by a salt of the host, the same in each boot. */
  digest: sha256,
});
export type MeasuredSettings = z.infer<typeof measuredSettings>;

export const settingsLog = z.object({
  /** What the register held before the first of the events: zeros, unless older ones of this boot were left out. */
  base: sha256,
  /** Oldest first; the last one is that of now. */
  events: z.array(measuredSettings),
});
export type SettingsLog = z.infer<typeof settingsLog>;

export const evidence = z.object({
  format: z.literal(1),
  nonce: nonceHex,
  /** Of the key that signed, in PEM: a key of this TPM that signs nothing else. */
  publicKey: z.string(),
  /** TPMS_ATTEST and TPMT_SIGNATURE. Source: TPM 2.0 Library, part 2. */
  attest: z.base64(),
  signature: z.base64(),
  /** SHA-256 of each register that was signed, by its number. */
  pcrs: z.record(z.string(), sha256),
  /** As the firmware wrote it. Source: TCG PC Client Platform Firmware Profile. */
  firmwareLog: z.base64(),
  settings: settingsLog,
});
export type Evidence = z.infer<typeof evidence>;

/** What the register is extended with for settings. */
export function digestOfMeasured({ version, head, digest }: MeasuredSettings): Buffer {
  return createHash("sha256").update(`settings ${version} ${head} ${digest}\n`).digest();
}

/** What the register holds after all of it. */
export function replayed({ base, events }: SettingsLog): Buffer {
  let value: Buffer = Buffer.from(base, "hex");
  for (const event of events) value = extended(value, digestOfMeasured(event));
  return value;
}
