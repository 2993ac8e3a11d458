import { expect, test } from "bun:test";
import { plantedFleet } from "../../../test/worlds/fleet/planted-fleet.ts";
import { now } from "../../../test/worlds/fleet/snapshots.ts";
import { SentNodes } from "../sent-nodes.ts";
import { fleetConcerns } from "./fleet-concerns.ts";
import { FleetStore } from "./fleet-store.ts";

const { signal } = new AbortController();

async function concernsAt(atMs: number) {
  const { picture } = await plantedFleet().look(signal).read(signal);
  const store = new FleetStore();
  store.take({ policies: picture.policies, ...new SentNodes().renew(picture.nodes) }, 0);
  return fleetConcerns(store.state, atMs);
}

test("what needs a person is told in the words of the fleet, the worst first, with what helps", async () => {
  const concerns = await concernsAt(now.getTime());
  const shown = concerns.map(({ severity, subject, nodes, command }) => [
    severity,
    subject,
    nodes.join(),
    command ?? "",
  ]);
  expect(shown.map(([severity]) => severity)).toEqual([
    ...Array.from({ length: 3 }, () => "broken"),
    ...Array.from({ length: 4 }, () => "attention"),
  ]);
  expect(shown).toContainEqual(["broken", "work is blocked", "ingress-01", "./orlop fleet explain ingress-01"]);
  expect(shown).toContainEqual(["attention", "cordoned by somebody", "worker-05", "kubectl uncordon worker-05"]);
  expect(shown).toContainEqual(["broken", "a node is not ready", "worker-07", "kubectl describe node worker-07"]);
});

test("a trial is a concern once more than half of its time is over", async () => {
  const subject = "a trial is about to go back";
  const isShown = async (atMs: number) => (await concernsAt(atMs)).some((concern) => concern.subject === subject);
  expect(await isShown(now.getTime())).toBe(true);
  expect(await isShown(now.getTime() - 10 * 60_000)).toBe(false);
});
