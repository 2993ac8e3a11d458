/** Query parameters that several endpoints share: text on the wire, values in the program. */
import { z } from "zod";

/** The transaction that is meant when a request names none, as in Bottlerocket. */
export const defaultTransaction = "default";

/** How long settings may be on trial: long enough for a person to look, and no longer than a person watches a host. */
export const trialSeconds = { least: 10, most: 86_400 };

export const noQuery = z.object({});

const nonEmpty = z.string().min(1, "must not be empty");

/** Of answers that are text unless the client asks otherwise. */
export const textFormats = ["text", "json"] as const;
export const textFormat = z.enum(textFormats);

/** Each is compared with every setting of the host. */
const keysMost = 256;

/** Names of keys joined by commas; a comma inside a quoted segment does not separate. */
export const keyList = z.codec(
  nonEmpty,
  z.array(nonEmpty).min(1).max(keysMost, `must have at most ${keysMost} names`),
  {
    decode: splitAtCommas,
    encode: (keys) => keys.join(","),
  },
);

export const wholeNumber = (least: number, most: number) =>
  z.codec(z.string().regex(/^[0-9]{1,15}$/, "must be a whole number"), z.number().int().min(least).max(most), {
    decode: (text) => Number(text),
    encode: (value) => String(value),
  });

/** `name=1` or `name=true` switches on; `name=0`, `name=false` or absence is off. */
export const flag = z.codec(z.enum(["1", "true", "0", "false"], "must be 1 or 0"), z.boolean(), {
  decode: (text) => text === "1" || text === "true",
  encode: (value) => (value ? "1" : "0"),
});

export const moment = z.codec(z.iso.datetime({ offset: true }), z.date(), {
  decode: (text) => new Date(text),
  encode: (value) => value.toISOString(),
});

/** Names start with a letter or digit, so that none looks like a path. */
export const transactionName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/,
    "must be 1 to 128 of A-Z a-z 0-9 _ . - and start with a letter or digit",
  );

/** How long a change stays unless somebody confirms it, in seconds. */
export const trialTime = wholeNumber(trialSeconds.least, trialSeconds.most);

export const prefix = nonEmpty;
export const message = z
  .string()
  .min(1, "must not be empty")
  .max(200, "must have at most 200 characters")
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, "must be one line without control characters")
  .refine((text) => text.isWellFormed(), "must not have half of a surrogate pair");

function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "," && !quoted) {
      parts.push(part);
      part = "";
      continue;
    }
    if (character === '"') quoted = !quoted;
    part += character;
    if (character === "\\" && quoted && at + 1 < text.length) part += text.charAt(++at);
  }
  parts.push(part);
  return parts;
}
