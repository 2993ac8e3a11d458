import { expect, test } from "bun:test";
import { annotations, labels } from "../../api/fleet/annotations.ts";
import { now } from "../../test/worlds/fleet/snapshots.ts";
import { marksOf, noMarks, patchOf } from "./marks.ts";
import type { Marks } from "./snapshot.ts";

/** A merge patch on texts: null removes. */
function merged(before: Record<string, string>, patch: Record<string, string | null>): Record<string, string> {
  const entries = Object.entries({ ...before, ...patch }).flatMap(([key, value]) =>
    value === null ? [] : [[key, value]],
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

const marks: Marks = {
  step: "Soaking",
  claim: 7,
  over: 5,
  since: now,
  policy: "uid-workers",
  aim: { do: "go-back", version: "1.0.0", from: "1.1.0" },
  excluded: true,
  failed: { version: "1.1.0", reason: "it failed", at: now },
  tries: { version: "1.1.0", drains: 1, reboots: 0, reason: "a budget", after: now },
};

test("marks are read as they were written, and leave nothing when they are taken away", () => {
  const written = patchOf({ marks });
  const [someLabels, someNotes] = [merged({}, written.metadata.labels), merged({}, written.metadata.annotations)];
  expect(marksOf(someLabels, someNotes)).toEqual(marks);
  const removed = patchOf({ marks: noMarks, order: null, cordon: false }).metadata;
  expect(merged(someLabels, removed.labels)).toEqual({});
  expect(merged(someNotes, removed.annotations)).toEqual({ [annotations.claim]: "0", [annotations.over]: "0" });
  expect(marksOf({}, {})).toEqual(noMarks);
});

test("what a person wrote by hand and cannot be read counts as absent", () => {
  const damaged = { [annotations.aim]: "{", [annotations.failed]: '{"version":1}', [annotations.claim]: "-1" };
  expect(marksOf({ [labels.step]: "Dancing" }, { ...damaged, [annotations.since]: "yesterday" })).toEqual(noMarks);
});

test("a cordon is noted as ours in the patch that makes it", () => {
  const at = now.toISOString();
  expect(patchOf({ cordon: true, marks: { since: now } })).toEqual({
    metadata: {
      labels: {},
      annotations: { [annotations.cordoned]: "ours", [annotations.cordonedAt]: at, [annotations.since]: at },
    },
    spec: { unschedulable: true },
  });
});
