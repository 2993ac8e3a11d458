/** Protects what the exhaustive checker does, on fleets that are too large for it: five nodes, people, crashes and many operators. */
import { expect, test } from "bun:test";
import { decide } from "../../../cluster/roll-out/decide.ts";
import { obey } from "../../../host/node/obey.ts";
import { Random } from "../random.ts";
import { violation } from "./fleet-invariants.ts";
import { FleetModel } from "./fleet-model.ts";

const walks = 300;
const steps = 150;

test("every invariant holds on random walks through fleets of five nodes", () => {
  const firstSeed = Date.now() % 1_000_000_000;
  for (let seed = firstSeed; seed < firstSeed + walks; seed++) {
    const spec = { maxUnavailable: 1 + (seed % 2), order: { canaries: 0 } };
    const limits = { crashes: 5, person: 5, resumptions: 3, claims: 12 };
    const model = new FleetModel({ nodes: 5, spec, version: "either", ...limits, decide, obey });
    const random = new Random(seed);
    const labels: string[] = [];
    let state = model.start();
    for (let step = 0; step < steps; step++) {
      const moves = model.moves(state);
      if (moves.length === 0) break;
      const move = random.pick(moves);
      labels.push(move.label);
      expect({ seed, labels, fault: violation(model, state, move) }).toEqual({ seed, labels, fault: undefined });
      state = move.next;
    }
  }
});
