/** URLs. One without a scheme is accepted and read as `http://`, which is what Bottlerocket's users write. */
import { z } from "zod";
import { described, mustBe } from "./type.ts";

const schemed = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
/** Neither white space, control characters, quotes, angle brackets, backslash, caret, backquote nor braces. */
// oxlint-disable-next-line no-control-regex -- to refuse them
const characters = /^[^\s\u0000-\u0020\u007f-\u00a0"<>\\^`{|}]+$/;

const urlOf = (words: string, schemes: readonly string[]): z.ZodType<string> =>
  described(
    z
      .string(mustBe(words))
      .regex(characters, mustBe(words))
      .overwrite((value) => (schemed.test(value) ? value : `http://${value}`))
      .refine((value) => {
        const url = URL.parse(value);
        return url !== null && url.hostname !== "" && schemes.includes(url.protocol.slice(0, -1));
      }, mustBe(words)),
    words,
  );

export const url: z.ZodType<string> = urlOf("a URL such as https://example.com/path", ["http", "https"]);

/** Empty means that there is no proxy. */
export const proxyUrl: z.ZodType<string> = described(
  z.union(
    [z.literal(""), urlOf("a URL", ["http", "https", "socks5"])],
    mustBe("a proxy such as http://proxy.example.com:3128, or empty for none"),
  ),
  "a proxy such as http://proxy.example.com:3128, or empty for none",
);
