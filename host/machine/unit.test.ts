import { expect, test } from "bun:test";
import { instanceOf } from "./unit.ts";

test.each([
  ["1.2.3", "1.2.3"],
  // As systemd-escape(1) does.
  ["1.2.3-rc.1+build/7", "1.2.3\\x2drc.1\\x2bbuild\\x2f7"],
  ["", ""],
])("an instance for %p is called %p", (text, instance) => {
  expect(instanceOf(text)).toBe(instance);
});
