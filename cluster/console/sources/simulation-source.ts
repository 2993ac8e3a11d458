/** A simulated fleet, lived again while somebody looks: its time goes faster, and stands while nobody does. */
import type { Clock } from "../../../lib/clock.ts";
import type { RecordedEvent } from "../../../kubernetes/events.ts";
import { fleetPicture } from "../../picture/fleet-picture.ts";
import { nodeDetails } from "../../picture/node-details.ts";
import { FleetSimulation } from "../../simulator/fleet-simulation.ts";
import type { FleetScenario } from "../../simulator/scenario.ts";
import type { FleetSource } from "../fleet-source.ts";

/** As a cluster keeps them for a while. */
const eventsMost = 10_000;

/** @param rate how many seconds of the fleet pass in one */
export function simulationSource(scenario: FleetScenario, rate: number, clock: Clock): FleetSource {
  let events: RecordedEvent[] = [];
  const simulation = new FleetSimulation(scenario, (event) => events.push(event));
  return {
    title: `simulation of ${scenario.nodes} nodes, seed ${scenario.seed}`,
    rate,
    look() {
      let seenMs = clock.elapsedMs();
      return {
        details: (name) => nodeDetails([simulation.snapshot], name),
        async read() {
          const nowMs = clock.elapsedMs();
          simulation.advanceTo(simulation.now.getTime() + (nowMs - seenMs) * rate);
          seenMs = nowMs;
          events = events.slice(-eventsMost);
          const { now, snapshot } = simulation;
          return { now, picture: fleetPicture([snapshot], [], now), events: [...events] };
        },
      };
    },
    stop: async (_, reason) => simulation.stop(reason),
  };
}
