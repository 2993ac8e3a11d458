import { expect, test } from "bun:test";
import { annotations } from "../../../api/fleet/annotations.ts";
import { nodes } from "../../../kubernetes/objects.ts";
import { atWork, fleetNode, later, minuteMs, now, snapshot } from "../../../test/worlds/fleet/snapshots.ts";
import type { FleetNode } from "../../roll-out/snapshot.ts";
import type { EventReason, NodeChange } from "../../roll-out/write.ts";
import { metricsText } from "./metrics.ts";
import { UpdateDurations } from "./update-durations.ts";

/** The Node as the API server has it: cordoned by us when the test began. */
const object = nodes.schema.parse({
  metadata: {
    name: "a",
    uid: "uid-a",
    resourceVersion: "1",
    annotations: { [annotations.cordonedAt]: now.toISOString() },
  },
});

function write(node: FleetNode, reason: EventReason, change: NodeChange = {}) {
  return { kind: "node", node, change, reason, note: "" } as const;
}

const shown = (durations: UpdateDurations): string[] => {
  const figures = { isLeading: true, passMs: 0, passes: 0, conflicts: 0, requests: 0, durationsOf: () => durations };
  return metricsText([snapshot([])], figures, now).split("\n");
};

test("each step that leads on, and the time away, is counted once, by its length", () => {
  const durations = new UpdateDurations();
  const steps = [
    ["Draining", "Rebooting"],
    ["Rebooting", "Soaking", { cordon: false }],
    ["Soaking", "Updated"],
  ] as const;
  for (const [at, [step, reason, change]] of steps.entries()) {
    durations.note(write(atWork("a", step).node, reason, change), object, later((at + 1) * minuteMs));
  }
  const text = shown(durations);
  expect(text).toContain("# TYPE orlop_fleet_step_duration_seconds histogram");
  for (const [step, seconds] of [
    ["Draining", 60],
    ["Rebooting", 120],
    ["Soaking", 180],
  ] as const) {
    const series = `policy="workers",step="${step}"`;
    expect(text).toContain(`orlop_fleet_step_duration_seconds_sum{${series}} ${seconds}`);
    expect(text).toContain(`orlop_fleet_step_duration_seconds_count{${series}} 1`);
    expect(text).toContain(`orlop_fleet_step_duration_seconds_bucket{${series},le="30"} 0`);
    expect(text).toContain(`orlop_fleet_step_duration_seconds_bucket{${series},le="300"} 1`);
    expect(text).toContain(`orlop_fleet_step_duration_seconds_bucket{${series},le="+Inf"} 1`);
  }
  expect(text).toContain('orlop_fleet_away_duration_seconds_sum{policy="workers"} 120');
  expect(text).toContain('orlop_fleet_away_duration_seconds_count{policy="workers"} 1');
});

test("a drain that is given back is no drain's length, but the node was away", () => {
  const durations = new UpdateDurations();
  durations.note(write(atWork("a", "Draining").node, "GivenBack", { cordon: false }), object, later(minuteMs));
  expect(shown(durations)).toContain('orlop_fleet_step_duration_seconds_count{policy="workers",step="Draining"} 0');
  expect(durations.away).toMatchObject({ count: 1, sum: 60 });
});

test("a node at rest, one whose beginning nobody noted, and a clock that went back add no nonsense", () => {
  const durations = new UpdateDurations();
  durations.note(write(fleetNode("a"), "Prepare"), object, later(minuteMs));
  const { node } = atWork("a", "Draining");
  durations.note(write({ ...node, marks: { ...node.marks, since: undefined } }, "Rebooting"), undefined, now);
  expect(durations.steps.Draining.count).toBe(0);
  durations.note(write(node, "Rebooting"), object, later(-minuteMs));
  expect(durations.steps.Draining).toMatchObject({ count: 1, sum: 0 });
});
