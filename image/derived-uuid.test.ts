import { expect, test } from "bun:test";
import { derivedUuid, uuidOfHex } from "./derived-uuid.ts";

test("the same purpose and content give the same UUID, others give others", () => {
  expect(derivedUuid("disk", "a")).toBe(derivedUuid("disk", "a"));
  expect(derivedUuid("disk", "a")).not.toBe(derivedUuid("disk", "b"));
  expect(derivedUuid("disk", "a")).not.toBe(derivedUuid("root", "a"));
});

test("it is a UUID of version 8, so it cannot be taken for a random one", () => {
  expect(derivedUuid("disk", "a")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("digits get their dashes", () => {
  expect(uuidOfHex("00112233445566778899aabbccddeeff")).toBe("00112233-4455-6677-8899-aabbccddeeff");
});
