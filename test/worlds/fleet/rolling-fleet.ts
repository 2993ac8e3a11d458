/** A large fleet in the middle of a roll-out, by the simulator; it stands still. */
import type { FleetSource } from "../../../cluster/console/fleet-source.ts";
import { fleetPicture } from "../../../cluster/picture/fleet-picture.ts";
import { nodeDetails } from "../../../cluster/picture/node-details.ts";
import { FleetSimulation } from "../../../cluster/simulator/fleet-simulation.ts";
import { FleetFaults, readFleetPolicy, type FleetScenario } from "../../../cluster/simulator/scenario.ts";
import type { RecordedEvent } from "../../../kubernetes/events.ts";
import { addUpdate, emptyManifest } from "../../../repo/manifest.ts";
import { wavesOf } from "../../../repo/waves/wave-policy.ts";

const start = new Date("2026-12-01T00:00:00Z");
const hourMs = 3_600_000;
const machines = { variant: "metal-k8s-1.35", arch: "x86_64" };
const waves = `[[waves]]
start_after = "0 minutes"
fleet_percentage = 50
[[waves]]
start_after = "6 hours"
fleet_percentage = 100`;

/** Two waves of six hours, a tenth of the nodes at a time. */
export function rollingScenario(nodes: number): FleetScenario {
  return {
    nodes,
    seed: 1,
    spec: readFleetPolicy("spec: { maxUnavailable: 10%, maxPreparing: 500, soak: { seconds: 60 } }", "policy.yaml"),
    manifest: addUpdate(emptyManifest, machines, {
      version: "1.1.0",
      images: { boot: "b", root: "r", hash: "h" },
      waves: wavesOf(waves, start, "waves"),
    }),
    machines,
    running: "1.0.0",
    faults: FleetFaults.parse({ "held-drains": 1 }),
    start,
    lengthMs: 48 * hourMs,
  };
}

export function rollingFleet(nodes: number, hours: number): FleetSource {
  const events: RecordedEvent[] = [];
  const simulation = new FleetSimulation(rollingScenario(nodes), (event) => events.push(event));
  simulation.advanceTo(start.getTime() + hours * hourMs);
  const { now, snapshot } = simulation;
  return {
    title: `simulation of ${nodes} nodes`,
    rate: 1,
    look: () => ({
      details: (name) => nodeDetails([snapshot], name),
      read: async () => ({ now, picture: fleetPicture([snapshot], [], now), events }),
    }),
    stop: async () => undefined,
  };
}
