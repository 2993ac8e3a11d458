/**
 * What opens the partitions without the TPM: 256 random bits, which are written down for nobody but those that user data names.
 * In the form of systemd's recovery keys, which people can type. Source: systemd-cryptenroll(1), --recovery-key.
 */
import { randomBytes } from "node:crypto";
import { armor, Encrypter } from "age-encryption";

const keyBytes = 32;
/** Letters that are in the same place on most keyboards: modhex. */
const letters = "cbdefghijklnrtuv";
const groupLength = 8;

/** `cccccccc-…`, eight letters in each of eight groups. */
export function newRecoveryKey(random: (count: number) => Buffer = randomBytes): string {
  const text = random(keyBytes)
    .toString("hex")
    .replaceAll(/./g, (digit) => letters.charAt(Number.parseInt(digit, 16)));
  const groups = Array.from({ length: text.length / groupLength }, (_, at) =>
    text.slice(at * groupLength, (at + 1) * groupLength),
  );
  return groups.join("-");
}

/** A file of age in its armour, which any of the recipients can read. */
export async function encryptedFor(recipients: readonly string[], text: string): Promise<string> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return `${armor.encode(await encrypter.encrypt(text)).trimEnd()}\n`;
}
