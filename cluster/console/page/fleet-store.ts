/** What the page knows of its fleet: updates are taken in as they come, and a state is made of them for each drawing. */
import type { RecordedEvent } from "../../../kubernetes/events.ts";
import type { PolicyPicture } from "../../picture/fleet-picture.ts";
import type { PartSummary } from "../../picture/update-parts.ts";
import { type FleetUpdate, type FleetViewer, likeness, type SentNode } from "../fleet-update.ts";

export type ShownFleet = {
  source: { title: string; rate: number } | undefined;
  viewer: FleetViewer | undefined;
  /** The time of the fleet when it was told, in milliseconds since 1970, and that of this browser then. */
  clock: { fleetMs: number; ownMs: number } | undefined;
  unreached: string | undefined;
  doubt: string | undefined;
  policies: readonly PolicyPicture[];
  /** By zone, then by name. Undefined until they have come. */
  nodes: readonly SentNode[] | undefined;
  common: Readonly<Record<string, string>>;
  /** The newest last. */
  events: readonly RecordedEvent[];
  parts: readonly PartSummary[];
};

export const nothingKnown: ShownFleet = {
  source: undefined,
  viewer: undefined,
  clock: undefined,
  unreached: undefined,
  doubt: undefined,
  policies: [],
  nodes: undefined,
  common: {},
  events: [],
  parts: [],
};

const eventsMost = 2_000;

export class FleetStore {
  #state: ShownFleet = nothingKnown;
  readonly #nodes = new Map<string, SentNode>();
  /** Where each stands in `state.nodes`. */
  readonly #places = new Map<string, number>();

  get state(): ShownFleet {
    return this.#state;
  }

  /** A stream begins anew: all comes again. What is shown stays until it has. */
  begin(): void {
    this.#nodes.clear();
    this.#places.clear();
    this.#state = { ...this.#state, events: [] };
  }

  /** @param ownMs the time of this browser */
  take(update: FleetUpdate, ownMs: number): void {
    const { source, viewer, at, unreached, doubt, policies, common, nodes, events, parts } = update;
    const before = this.#state;
    this.#state = {
      source: source ?? before.source,
      viewer: viewer ?? before.viewer,
      clock: at === undefined ? before.clock : { fleetMs: Date.parse(at), ownMs },
      unreached: unreached === undefined ? before.unreached : (unreached ?? undefined),
      doubt: doubt === undefined ? before.doubt : (doubt ?? undefined),
      policies: policies ?? before.policies,
      nodes: nodes === undefined ? (before.nodes ?? (at === undefined ? undefined : [])) : this.#take(nodes),
      common: common ?? before.common,
      events: events === undefined ? before.events : [...before.events, ...events].slice(-eventsMost),
      parts: parts ?? before.parts,
    };
  }

  #take({ put, gone }: NonNullable<FleetUpdate["nodes"]>): SentNode[] {
    let isMoved = gone.length > 0;
    for (const name of gone) this.#nodes.delete(name);
    const nodes = [...(this.#state.nodes ?? [])];
    for (const node of put) {
      const place = this.#places.get(node.name);
      if (place === undefined || nodes[place]?.zone !== node.zone) isMoved = true;
      else nodes[place] = node;
      this.#nodes.set(node.name, node);
    }
    return isMoved ? this.#sorted() : nodes;
  }

  #sorted(): SentNode[] {
    const nodes = [...this.#nodes.values()].toSorted((a, b) => compare(a.zone, b.zone) || compare(a.name, b.name));
    this.#places.clear();
    nodes.forEach(({ name }, place) => this.#places.set(name, place));
    return nodes;
  }
}

export function sentenceOf({ common }: Pick<ShownFleet, "common">, node: SentNode): string {
  return node.sentence ?? common[likeness(node)] ?? "";
}

/** The time that the fleet lives in now. */
export function fleetNow({ clock, source }: ShownFleet, ownMs: number): number {
  return clock === undefined ? ownMs : clock.fleetMs + (ownMs - clock.ownMs) * (source?.rate ?? 1);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
