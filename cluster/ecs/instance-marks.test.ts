import { expect, test } from "bun:test";
import { attributesOf, type InstanceMarks, readMarks } from "./instance-marks.ts";
import { noMarks } from "../roll-out/marks.ts";

const at = new Date("2026-12-01T12:00:00Z");
const boot = "6f1f6a3e-2f0c-4c65-9a3e-0d5d4b2a9c11";
const whole: InstanceMarks = {
  drained: true,
  claim: { token: 12, since: at, version: "1.1.0" },
  order: {
    accepted: true,
    order: { id: `12-${boot}`, boot, do: "reboot-into", version: "1.1.0", until: at, by: "ecs", claim: 12 },
  },
  marks: {
    ...noMarks,
    step: "Rebooting",
    claim: 12,
    over: 11,
    since: at,
    aim: { do: "reboot-into", version: "1.1.0", from: "1.0.0" },
    failed: { version: "1.1.0", at, reason: "not healthy after 30 s" },
    tries: { version: "1.1.0", drains: 1, reboots: 0, after: at, reason: "not drained" },
  },
};
const stored = (marks: InstanceMarks): Map<string, string> =>
  new Map([...attributesOf(marks)].flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

test("what stands on an instance is read as it was written", () => {
  expect(readMarks(stored(whole))).toEqual(whole);
});

test("nothing stands on an instance that was never worked on, and what nobody can read counts as that", () => {
  const none = readMarks(new Map());
  expect(none).toEqual({ marks: noMarks, drained: false, claim: undefined, order: undefined });
  expect(stored(none)).toEqual(new Map());
  expect(
    readMarks(
      new Map([
        ["orlop.fleet", "by hand"],
        ["orlop.fleet.claim", "7"],
      ]),
    ),
  ).toEqual(none);
});

test("every value is one that ECS takes, whatever a reason has in it", () => {
  const reason = `"docker.service" failed; it said: ${"ü€ ".repeat(100)}\nand more`;
  const marks = { ...whole.marks, failed: { version: "1.1.0", at, reason } };
  for (const value of stored({ ...whole, marks }).values()) {
    expect(value).toMatch(/^[\w\-.@/\\:](?:[\w\-.@/\\: ]{0,126}[\w\-.@/\\:])?$/);
  }
});
