/** Protects: the host's own fetches go through the proxy exactly where Go's programs do. */
import { expect, test } from "bun:test";
import { noProxyCases, noProxyUrls } from "../../test/real/conformance/no-proxy/cases.ts";
import { goEntry, isDirect } from "./no-proxy.ts";

test.each([...noProxyCases])("NO_PROXY=%j means what Go takes it for", (noProxy, direct) => {
  expect(noProxyUrls.filter((url) => isDirect(new URL(url), noProxy.split(",")))).toEqual(direct);
  expect(noProxyUrls.filter((url) => isDirect(new URL(url), [noProxy]))).toEqual(direct);
});

test.each([
  ["[fd00::1]", "fd00::1"],
  ["[fd00::1]/64", "fd00::1/64"],
  ["[fd00::/8]", "fd00::/8"],
  ["[fd00::1]:443", "[fd00::1]:443"],
  ["fd00::1", "fd00::1"],
  ["[example.com]", "[example.com]"],
  [".example.com", ".example.com"],
  ["10.0.0.0/8", "10.0.0.0/8"],
])("%s is written as %s for Go", (entry, expected) => {
  expect(goEntry(entry)).toBe(expected);
});
