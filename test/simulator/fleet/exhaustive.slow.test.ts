/**
 * Protects: nodes away within the budget, reboots only of what is cordoned, drained and claimed, people's cordons, halts,
 * and that work always comes to an end, in every order in which operators, hosts and people can do things.
 */
import { expect, test } from "bun:test";
import { decide } from "../../../cluster/roll-out/decide.ts";
import { obey } from "../../../host/node/obey.ts";
import { explore } from "./explore.ts";
import { FleetModel } from "./fleet-model.ts";
import type { FleetModelOptions } from "./model-objects.ts";
import { mutants } from "./mutants.ts";

/** More than any of these models has. */
const mostStates = 3_000_000;

const rolledBack = {
  maxUnavailable: 1,
  order: { canaries: 0 },
  onSoakFailure: "rollback",
  soak: { gates: [{ name: "gate", http: { url: "http://web/" } }] },
};
const usual: FleetModelOptions = {
  nodes: 1,
  spec: { maxUnavailable: 1, order: { canaries: 0 } },
  version: "either",
  crashes: 0,
  person: 0,
  resumptions: 1,
  claims: 2,
  decide,
  obey,
};

const fleets: { says: string; options: Partial<FleetModelOptions>; leastStates: number }[] = [
  { says: "two nodes, good and bad hosts", options: { nodes: 2 }, leastStates: 10_000 },
  { says: "two nodes and a person", options: { nodes: 2, person: 1, version: "good" }, leastStates: 50_000 },
  { says: "two nodes that crash", options: { nodes: 2, crashes: 1, version: "bad" }, leastStates: 10_000 },
  { says: "a node that is brought back after its soak", options: { spec: rolledBack }, leastStates: 3_000 },
  { says: "a node, a crash and a person", options: { crashes: 1, person: 1, resumptions: 0 }, leastStates: 30_000 },
];

for (const { says, options, leastStates } of fleets) {
  test(`every invariant holds in every state: ${says}`, () => {
    const { failure, states } = explore(new FleetModel({ ...usual, ...options }), mostStates);
    expect(failure).toBeUndefined();
    expect(states).toBeGreaterThan(leastStates);
  });
}

for (const { fault, breaks, options } of mutants) {
  test(`the checker sees it when ${fault}`, () => {
    const { failure } = explore(new FleetModel({ ...usual, ...options }), mostStates);
    expect(breaks).toContain(failure?.invariant ?? "nothing");
    expect(failure?.trace.length).toBeGreaterThan(0);
  });
}
