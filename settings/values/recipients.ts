/** Whom something is encrypted for. Source: age's specification (C2SP), section "The X25519 recipient type". */
import { bech32 } from "@scure/base";
import type { Type } from "../model/type.ts";
import { pattern } from "./text.ts";

const keyBytes = 32;

export const ageRecipient: Type<string> = pattern(
  "a recipient of age, as age-keygen prints it: age1 and 58 letters and digits",
  /^age1[02-9ac-hj-np-z]{58}$/,
  (text) => {
    const decoded = bech32.decodeUnsafe(text);
    return decoded !== undefined && bech32.fromWordsUnsafe(decoded.words)?.length === keyBytes;
  },
);
