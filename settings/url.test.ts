import { expect, test } from "bun:test";
import { assert, property, webUrl, string } from "fast-check";
import { testType } from "../test/type-cases.ts";
import { proxyUrl, url } from "./url.ts";

testType("url", url, {
  accepts: ["https://example.com", "http://10.0.0.1:8080/a?b=c", "https://user:pass@example.com/", "http://[fd00::1]/"],
  becomes: [
    ["example.com", "http://example.com"],
    ["10.0.0.1:3128", "http://10.0.0.1:3128"],
    ["localhost:5000/v2", "http://localhost:5000/v2"],
    ["[fd00::1]:80", "http://[fd00::1]:80"],
  ],
  refuses: [
    "",
    " ",
    "https://",
    "http://a b",
    "https://exa\nmple.com",
    "ftp://example.com",
    "file:///etc",
    "http://x:99999",
    'http://"',
    5,
    null,
  ],
});
testType("proxyUrl", proxyUrl, {
  accepts: ["", "http://proxy:3128", "socks5://proxy:1080"],
  becomes: [["1.2.3.4:8080", "http://1.2.3.4:8080"]],
  refuses: [" ", "ftp://proxy", "a b", null],
});

test("every URL of the web is accepted, and whatever comes out is a URL that stays as it is", () => {
  const schema = url.schema();
  assert(property(webUrl({ validSchemes: ["http", "https"] }), (value) => schema.safeParse(value).success));
  assert(
    property(string(), (value) => {
      const once = schema.safeParse(value);
      if (!once.success) return;
      expect(["http:", "https:"]).toContain(new URL(once.data).protocol);
      expect(schema.safeParse(once.data)).toEqual(once);
    }),
  );
});
