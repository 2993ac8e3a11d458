/** Hosts outside of clusters as a fleet to look at: each is asked by its remote API, again and again. */
import type { FleetSource } from "../../cluster/console/fleet-source.ts";
import { machineClock } from "../../lib/clock.ts";
import { hostsHistory } from "./host-history.ts";
import { hostLines } from "./hosts.ts";

/** So often hosts are asked. */
const askMs = 10_000;

/** @param file names of contexts, as `hostLines` reads it */
export function hostsSource(file: string): FleetSource {
  return {
    title: `hosts of ${file}`,
    rate: 1,
    look() {
      let asked: (Awaited<ReturnType<typeof ask>> & { atMs: number }) | undefined;
      return {
        // Whatever is known of a host stands in its line.
        details: () => undefined,
        async read(signal) {
          if (asked === undefined || machineClock.elapsedMs() - asked.atMs > askMs) {
            asked = { ...(await ask(file, signal)), atMs: machineClock.elapsedMs() };
          }
          const { nodes, events } = asked;
          return { now: machineClock.now(), picture: { policies: [], nodes }, events };
        },
      };
    },
  };
}

async function ask(file: string, signal: AbortSignal) {
  const [nodes, { events }] = await Promise.all([hostLines(file, signal), hostsHistory(file, signal)]);
  return { nodes, events };
}
