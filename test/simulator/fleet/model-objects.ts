/** What the states of a model of a fleet are made of, by number, and how a fleet is modelled. */
import type { FleetNode } from "../../../cluster/roll-out/snapshot.ts";
import type { FleetPolicy } from "../../../cluster/policy/fleet-policy.ts";
import type { decide } from "../../../cluster/roll-out/decide.ts";
import type { obey } from "../../../host/node/obey.ts";
import { later, minuteMs, now } from "../../worlds/fleet/snapshots.ts";
import type { HostModel } from "./host-model.ts";
import { Interned } from "./interned.ts";

export type FleetModelOptions = {
  nodes: number;
  /** How the policy is written. */
  spec: unknown;
  /** What the version is like on a host. */
  version: "good" | "bad" | "either";
  /** How often hosts crash at any moment, and a person does something, in all. */
  crashes: number;
  person: number;
  /** How often a person ends a halt. */
  resumptions: number;
  /** Claims in all; more of the same would go on for ever. */
  claims: number;
  decide: typeof decide;
  obey: typeof obey;
  /** Writes succeed whatever was written in between: a mutant. */
  withoutCompare?: boolean;
  /** Tells all past versions apart, also those that lead to nothing else: for mutants, in which they may. */
  exactPasts?: boolean;
};

/** Before any deadline, or after all of them. */
export const moments: readonly Date[] = [now, later(10 * 24 * 60 * minuteMs)];

export class ModelObjects {
  readonly nodes = new Interned<FleetNode>();
  readonly hosts = new Interned<HostModel>();
  readonly policies = new Interned<FleetPolicy>();
  /** What an object ever was, as far as that can still lead to something. */
  readonly pasts = new Interned<readonly number[]>();
}

/** What follows from a few numbers, worked out once. */
export class Memo<Value> {
  readonly #known = new Map<string, Value>();

  get(key: readonly number[], make: () => Value): Value {
    const text = key.join();
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const made = make();
    this.#known.set(text, made);
    return made;
  }
}

/** A Node without what tells two equal ones apart: names, and times, of which only before and after count. */
export function bare(node: FleetNode): FleetNode {
  const { marks, order } = node;
  const { failed, tries } = marks;
  return {
    ...node,
    name: "",
    uid: "",
    readySince: now,
    order: order === undefined ? undefined : { ...order, until: later(minuteMs) },
    marks: {
      ...marks,
      since: marks.since === undefined ? undefined : now,
      failed: failed === undefined ? undefined : { ...failed, reason: "", at: now },
      tries:
        tries === undefined
          ? undefined
          : { ...tries, drains: Math.min(1, tries.drains), reason: "", after: later(minuteMs) },
    },
  };
}

/** A policy without times, of which none counts. */
export function withoutTimes(policy: FleetPolicy): FleetPolicy {
  const { claims, halted, ...ledger } = policy.ledger;
  return {
    ...policy,
    ledger: {
      ...ledger,
      claims: claims.map((claim) => ({ ...claim, since: now })),
      ...(halted === undefined ? {} : { halted: { ...halted, reason: "", at: now } }),
    },
  };
}
