import { expect, test } from "bun:test";
import { assert, property, string, uint8Array } from "fast-check";
import { testType } from "../../test/cases/type-cases.ts";
import { base64, identifier, line, text, versionOrLatest } from "./text.ts";

testType("text", text, {
  accepts: ["", "one\ntwo\tthree", "é ☃ 🚢", "\u2028"],
  refuses: ["\r\n", "\u0000", "bell \u0007", "\u001b[31m", "\u007f", "\u0085", "half \ud800", 42, null],
});
testType("line", line, {
  accepts: ["", "é ☃ 🚢", " padded "],
  refuses: ["a\nb", "a\rb", "a\u000bb", "a\u000cb", "a\u0085b", "a\u2028b", "a\u2029b", "a\tb", "\udc00", 1],
});
testType("identifier", identifier, {
  accepts: ["a", "admin", "A-1", "-", "x".repeat(76)],
  refuses: ["", "x".repeat(77), "a_b", "a.b", "a b", "é", "a\n"],
});
testType("base64", base64, {
  accepts: ["", "YQ==", "YWI=", "YWJj", "+/+/"],
  refuses: ["YQ", "YQ=", "Y", "YQ==\n", "YQ==YQ==", "-_-_", "Y Q=", 1],
});
testType("versionOrLatest", versionOrLatest, {
  accepts: ["latest", "1.2.3", "v1.2.3", "0.0.0", "v1.2.3-rc.1+build.5", "1.0.0-x-y-z"],
  refuses: ["", "Latest", "v1", "1.2", "1.2.3.4", "01.2.3", "vv1.2.3", "1.2.3-", "latest ", 1],
});

test("base64 accepts what encodes any bytes", () => {
  const schema = base64.schema();
  assert(property(uint8Array(), (bytes) => schema.safeParse(Buffer.from(bytes).toString("base64")).success));
});

test("text never lets a control character through, and line no end of line", () => {
  assert(
    property(string({ unit: "binary" }), (value) => {
      const controls = /[\p{Cc}]/u.test(value.replaceAll(/[\n\t]/g, ""));
      if (text.schema().safeParse(value).success) expect(controls).toBe(false);
      if (line.schema().safeParse(value).success) expect(/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)).toBe(false);
    }),
  );
});
