/** URLs. One without a scheme is accepted and read as `http://`, which is what Bottlerocket's users write. */
import { z } from "zod";
import { typeOf, type Refusal, type Type } from "./type.ts";

const schemed = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

/** Neither white space, control characters, quotes, angle brackets, backslash, caret, backquote nor braces. */
// oxlint-disable-next-line no-control-regex -- to refuse them
const characters = /^[^\s\u0000-\u0020\u007f-\u00a0"<>\\^`{|}]+$/;

const mostCharacters = 8192;

function urlOf(schemes: readonly string[], refusal: Refusal): z.ZodType<string> {
  return z
    .string(refusal)
    .max(mostCharacters, { ...refusal, abort: true })
    .regex(characters, refusal)
    .overwrite((value) => (schemed.test(value) ? value : `http://${value}`))
    .refine((value) => {
      const url = URL.parse(value);
      return url !== null && url.hostname !== "" && schemes.includes(url.protocol.slice(0, -1));
    }, refusal);
}

export const url: Type<string> = typeOf("a URL such as https://example.com/path", (refusal) =>
  urlOf(["http", "https"], refusal),
);

/** Empty means that there is no proxy. */
export const proxyUrl: Type<string> = typeOf(
  "a proxy such as http://proxy.example.com:3128, or empty for none",
  (refusal) => z.union([z.literal("", refusal), urlOf(["http", "https", "socks5"], refusal)], refusal),
);
