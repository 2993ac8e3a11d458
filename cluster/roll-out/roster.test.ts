import { expect, test } from "bun:test";
import fc from "fast-check";
import { fleetNode, fleetPolicy, later, minuteMs, now, report, snapshot } from "../../test/worlds/fleet/snapshots.ts";
import { decide } from "./decide.ts";
import { noMarks } from "./marks.ts";
import { Roster } from "./roster.ts";
import type { FleetNode } from "./snapshot.ts";

const offer = { version: "1.1.0", opensAt: undefined, releasedAt: undefined };
const shapes: readonly Partial<FleetNode>[] = [
  {},
  { cordon: "another's" },
  { ready: false },
  { canary: true },
  { starting: true },
  { leaving: true },
  { zone: "b" },
  { report: undefined },
  { report: { ...report, staged: undefined } },
  { report: { ...report, offers: [{ ...offer, opensAt: later(3 * minuteMs) }] } },
  { report: { ...report, offers: [{ ...offer, version: "1.2.0", opensAt: later(5 * minuteMs) }, offer] } },
  { report: { ...report, version: "1.1.0", offers: [], staged: undefined } },
  { marks: { ...noMarks, tries: { version: "1.1.0", drains: 1, reboots: 0, reason: "", after: later(4 * minuteMs) } } },
];

test("a roster that is kept up to date leads to what a new one leads to, at every time", () => {
  const change = fc.record({
    node: fc.integer({ min: 0, max: 7 }),
    shape: fc.integer({ min: -1, max: shapes.length - 1 }),
    minutes: fc.integer({ min: 0, max: 3 }),
  });
  const spec = fc.constantFrom({ maxUnavailable: 3 }, { maxUnavailable: 2, order: { canaries: 0 }, maxPreparing: 1 });
  fc.assert(
    fc.property(spec, fc.array(change, { maxLength: 30 }), (written, changes) => {
      const policy = fleetPolicy(written);
      const nodes = new Map<string, FleetNode>();
      const roster = new Roster([]);
      let at = now;
      for (const { node, shape, minutes } of changes) {
        const fresh = fleetNode(`n${node}`, shapes[shape]);
        if (shape < 0) {
          nodes.delete(fresh.uid);
          roster.delete(fresh.uid);
        } else {
          nodes.set(fresh.uid, fresh);
          roster.set(fresh);
        }
        at = new Date(at.getTime() + minutes * minuteMs);
        const of = snapshot([...nodes.values()], { policy });
        const names = (writes: ReturnType<typeof decide>): unknown =>
          writes.map((write) => (write.kind === "node" ? [write.node.name, write.reason, write.change] : write));
        const sorted = (list: unknown): string[] => (list as unknown[]).map((each) => JSON.stringify(each)).toSorted();
        expect(sorted(names(decide(of, at, roster))).length).toBe(sorted(names(decide(of, at))).length);
        const ledgers = [decide(of, at, roster), decide(of, at)].map((writes) =>
          writes.find(({ kind }) => kind === "ledger"),
        );
        expect(ledgers[0]).toEqual(ledgers[1] as never);
      }
    }),
    { numRuns: 300 },
  );
});
