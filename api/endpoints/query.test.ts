import { expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { joinKey } from "../../settings/model/key.ts";
import { flag, keyList, message, moment, transactionName, wholeNumber } from "./query.ts";

test("keys are separated by commas, but not by those inside a quoted segment", () => {
  expect(z.decode(keyList, 'settings.motd,settings.kubernetes.node-labels."a,b"')).toEqual([
    "settings.motd",
    'settings.kubernetes.node-labels."a,b"',
  ]);
});

test("any list of keys survives the wire", () => {
  const key = fc.array(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }).map(joinKey);
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 5 }), (keys) => {
      expect(z.decode(keyList, z.encode(keyList, keys))).toEqual(keys);
    }),
  );
});

test("an empty list of keys, and an empty name in it, is refused", () => {
  for (const text of ["", ",", "settings.motd,"]) expect(z.safeDecode(keyList, text).success).toBe(false);
});

test("a list has so many names at most, since each is looked for among all settings", () => {
  const names = (count: number): string => Array.from({ length: count }, () => "s").join(",");
  expect(z.safeDecode(keyList, names(256)).success).toBe(true);
  const refused = z.safeDecode(keyList, names(257));
  expect(refused.error?.issues[0]?.message).toBe("must have at most 256 names");
});

test("numbers are whole and within their limits", () => {
  const seconds = wholeNumber(10, 100);
  expect(z.decode(seconds, "60")).toBe(60);
  for (const text of ["9", "101", "1e1", "-10", "10.0", "", " 10", "99999999999999999999"]) {
    expect(z.safeDecode(seconds, text).success).toBe(false);
  }
});

test("a message is one line, and steers no terminal", () => {
  expect(message.safeParse("why I did it: über-wichtig").success).toBe(true);
  for (const text of ["", "a\nversion 99", "\u001b[2J", "\u009b2J", "a\u2028b", "\u007f"]) {
    expect(message.safeParse(text).success).toBe(false);
  }
});

test("flags are 1, true, 0 or false", () => {
  expect(["1", "true", "0", "false"].map((text) => flag.parse(text))).toEqual([true, true, false, false]);
  expect(flag.safeParse("yes").success).toBe(false);
});

test("a moment needs its zone and keeps its instant", () => {
  expect(z.decode(moment, "2026-03-01T12:00:00+02:00").toISOString()).toBe("2026-03-01T10:00:00.000Z");
  expect(z.safeDecode(moment, "2026-03-01T12:00:00").success).toBe(false);
});

test("a transaction name cannot look like a path", () => {
  for (const name of ["default", "apiclient-set-Ab3", "v1.2_x"]) {
    expect(transactionName.safeParse(name).success).toBe(true);
  }
  for (const name of ["", ".", "..", "a/b", "-a", "a b", "ä", "x".repeat(129)]) {
    expect(transactionName.safeParse(name).success).toBe(false);
  }
});
