/** Walks all states of a model, breadth first: the shortest way to whatever must not be, and states from which no rest is reached. */
import { violation } from "./fleet-invariants.ts";
import type { FleetModel } from "./fleet-model.ts";
import { StateTable } from "./interned.ts";

export type Exploration = {
  states: number;
  edges: number;
  seconds: number;
  /** What went wrong, and the shortest way to it. */
  failure?: { invariant: string; reason: string; trace: string[] };
};

/** Numbers of states grow by doubling; a plain list of millions of them would be ten times as large. */
class Numbers {
  #words = new Int32Array(1 << 16);
  length = 0;

  push(value: number): void {
    if (this.length === this.#words.length) {
      const words = new Int32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
    }
    this.#words[this.length++] = value;
  }

  at(index: number): number {
    return this.#words[index] ?? -1;
  }
}

/** @param mostStates a model that has more is an error of whoever made it */
export function explore(model: FleetModel, mostStates: number): Exploration {
  const startedMs = performance.now();
  const table = new StateTable(model.width);
  const parents = new Numbers();
  const [from, to] = [new Numbers(), new Numbers()];
  const ended = (failure?: Exploration["failure"]): Exploration => ({
    states: table.size,
    edges: from.length,
    seconds: (performance.now() - startedMs) / 1000,
    ...(failure === undefined ? {} : { failure }),
  });
  table.id(model.start());
  parents.push(-1);
  for (let id = 0; id < table.size; id++) {
    const state = table.state(id);
    for (const move of model.moves(state)) {
      const fault = violation(model, state, move);
      if (fault !== undefined) return ended({ ...fault, trace: [...trace(model, table, parents, id), move.label] });
      const known = table.size;
      const next = table.id(move.next);
      if (next === known) parents.push(id);
      from.push(id);
      to.push(next);
    }
    if (table.size > mostStates) throw new Error(`bug: more than ${mostStates} states`);
  }
  const stuck = firstStuck(model, table, from, to);
  if (stuck === undefined) return ended();
  return ended({ invariant: "I7", reason: "rest cannot be reached", trace: trace(model, table, parents, stuck) });
}

/** The first state from which none at rest can be reached, by walking all edges backwards from those at rest. */
function firstStuck(model: FleetModel, table: StateTable, from: Numbers, to: Numbers): number | undefined {
  const starts = new Int32Array(table.size + 1);
  for (let edge = 0; edge < to.length; edge++) starts[to.at(edge) + 1] = (starts[to.at(edge) + 1] ?? 0) + 1;
  for (let id = 0; id < table.size; id++) starts[id + 1] = (starts[id + 1] ?? 0) + (starts[id] ?? 0);
  const filled = starts.slice();
  const sources = new Int32Array(to.length);
  for (let edge = 0; edge < to.length; edge++) {
    const target = to.at(edge);
    const slot = filled[target] ?? 0;
    sources[slot] = from.at(edge);
    filled[target] = slot + 1;
  }
  const reaches = new Uint8Array(table.size);
  const open: number[] = [];
  for (let id = 0; id < table.size; id++) {
    if (!model.isAtRest(table.state(id))) continue;
    reaches[id] = 1;
    open.push(id);
  }
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (let at = starts[id] ?? 0; at < (starts[id + 1] ?? 0); at++) {
      const source = sources[at] ?? 0;
      if (reaches[source] === 1) continue;
      reaches[source] = 1;
      open.push(source);
    }
  }
  const stuck = reaches.indexOf(0);
  return stuck < 0 ? undefined : stuck;
}

function trace(model: FleetModel, table: StateTable, parents: Numbers, last: number): string[] {
  const path: number[] = [];
  for (let id = last; id >= 0; id = parents.at(id)) path.unshift(id);
  return path.slice(1).map((id, at) => {
    const target = table.state(id).join();
    const moves = model.moves(table.state(path[at] ?? 0));
    return moves.find(({ next }) => next.join() === target)?.label ?? "?";
  });
}
