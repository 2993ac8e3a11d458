import { expect, test } from "bun:test";
import { addUpdate, emptyManifest } from "../../repo/manifest.ts";
import { wavesOf } from "../../repo/waves/wave-policy.ts";
import type { FleetOutcome } from "./fleet-outcome.ts";
import { FleetSimulation } from "./fleet-simulation.ts";
import { outcomePage } from "./outcome-page.ts";
import { outcomeTable } from "./outcome-table.ts";
import { readFleetFaults, readFleetPolicy } from "./scenario.ts";

const start = new Date("2026-12-01T00:00:00Z");
const hourMs = 3_600_000;
const machines = { variant: "metal-k8s-1.35", arch: "x86_64" };
const waves = wavesOf(
  '[[waves]]\nstart_after = "0 minutes"\nfleet_percentage = 80\n[[waves]]\nstart_after = "12 hours"\nfleet_percentage = 100',
  start,
  "waves",
);
const manifest = addUpdate(emptyManifest, machines, {
  version: "1.1.0",
  images: { boot: "b", root: "r", hash: "h" },
  waves,
});

function simulated(spec: string, faults = "", seed = 1, nodes = 300): FleetOutcome {
  const simulation = new FleetSimulation({
    nodes,
    seed,
    spec: readFleetPolicy(`spec:\n${spec}`, "policy.yaml"),
    manifest,
    machines,
    running: "1.0.0",
    faults: readFleetFaults(faults, "faults.toml"),
    start,
    lengthMs: 48 * hourMs,
  });
  return simulation.run(new AbortController().signal, () => {});
}

test("a good version reaches everybody within its waves and the budget, the same way for the same seed", () => {
  const outcome = simulated("  maxUnavailable: 10\n  maxPreparing: 50");
  expect(outcome.ran).toEqual({ "1.1.0": 300 });
  expect(outcome.mostAway).toBeLessThanOrEqual(10);
  const [half, , , all] = outcome.reached;
  expect(half?.afterMs).toBeGreaterThan(6 * hourMs);
  expect(all?.afterMs).toBeGreaterThan(12 * hourMs);
  expect(all?.afterMs).toBeLessThan(16 * hourMs);
  expect(outcome.waitedHours["wave"]).toBeGreaterThan(300);
  expect(simulated("  maxUnavailable: 10\n  maxPreparing: 50")).toEqual(outcome);
  expect(simulated("  maxUnavailable: 10\n  maxPreparing: 50", "", 2)).not.toEqual(outcome);
});

test("a bad version reaches one canary, whether its host or its workloads show it", () => {
  const bad = (shows: string): string => `[[bad]]\nversion = "1.1.0"\nshows = "${shows}"`;
  const gate = simulated("  maxUnavailable: 10", bad("gate"));
  expect(gate.halts).toHaveLength(1);
  expect(gate.halts[0]).toMatchObject({
    version: "1.1.0",
    hostsWithIt: 1,
    reason: "went back to 1.0.0: not healthy in time",
  });
  const spec =
    "  maxUnavailable: 10\n  onSoakFailure: rollback\n  soak: { gates: [{ name: web, http: { url: http://web/ } }] }";
  const soak = simulated(spec, bad("soak"));
  expect(soak.halts).toHaveLength(1);
  expect(soak.ran).toEqual({ "1.1.0": 1, "1.0.0": 1 });
});

test("a fault of few hosts is bounded by the budget, and hosts that are lost halt the roll-out", () => {
  const rare = simulated("  maxUnavailable: 10", '[[bad]]\nversion = "1.1.0"\nshare = 5');
  expect(rare.halts).toHaveLength(1);
  expect((rare.ran["1.1.0"] ?? 0) - (rare.halts[0]?.hostsWithIt ?? 0)).toBeLessThanOrEqual(10);
  expect(simulated("  maxUnavailable: 10", "lost-hosts = 100").halts[0]?.reason).toContain("has not come back");
});

test("drains that a budget holds for ever are given back, and everybody else goes on", () => {
  const outcome = simulated("  maxUnavailable: 10\n  order: { canaries: 0 }\n  maxPreparing: 50", "held-drains = 10");
  expect(outcome.halts).toEqual([]);
  expect(outcome.ran["1.1.0"]).toBe(300);
});

test("what came of it is a table, and a page that loads nothing", async () => {
  const outcome = simulated("  maxUnavailable: 10\n  maxPreparing: 50");
  expect(outcomeTable(outcome)).toContain("most away at once");
  const page = await outcomePage("300 <nodes>", outcomeTable(outcome), outcome);
  expect(page).toContain("<h1>300 &#60;nodes&#62;</h1>");
  expect(page).toContain("uPlot");
  // Each host has come to it in some hour, and each was away once.
  const data = JSON.parse(/const data = (\{.*\});/.exec(page)?.[1] ?? "") as Record<string, number[]>;
  const sum = (counts: number[] = []): number => counts.reduce((all, each) => all + each, 0);
  expect([sum(data["perHour"]), sum(data["awayMinutes"])]).toEqual([300, 300]);
  expect(page).not.toMatch(/(?:src|href)=/);
  expect(page.split("</script>")).toHaveLength(3);
});

test("what cannot be used is refused with the place", () => {
  expect(() => readFleetPolicy("spec: { maxUnavailable: 0 }", "p.yaml")).toThrow("cannot use the policy p.yaml");
  expect(() => readFleetPolicy("spec: {", "p.yaml")).toThrow("p.yaml");
  expect(() => readFleetFaults("look = 3", "f.toml")).toThrow("cannot use the faults f.toml");
  expect(() => readFleetFaults("look =", "f.toml")).toThrow("line 1, column");
});
