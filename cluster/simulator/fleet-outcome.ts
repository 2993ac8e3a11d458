/** What came of a simulated roll-out, and who notes it down while it goes on. */
import type { Cause } from "../roll-out/wait.ts";

export type FleetSample = { atMs: number; updated: number; away: number; claimed: number };

export type FleetOutcome = {
  samples: FleetSample[];
  /** When so many percent of the hosts ran what they were to run, after the start. */
  reached: { percent: number; afterMs: number | undefined }[];
  budget: number;
  mostAway: number;
  /** Nodes by how many whole minutes each was cordoned for one update; what took longer is in the last. */
  awayMinutes: number[];
  /** By version: hosts that ever ran it. */
  ran: Record<string, number>;
  halts: { atMs: number; node: string; version: string; reason: string; hostsWithIt: number }[];
  /** Hours that nodes spent waiting, by what for. */
  waitedHours: Partial<Record<Cause, number>>;
  passes: number;
  events: number;
};

const landmarks = [50, 90, 99, 100];
const mostMinutes = 60;
const minuteMs = 60_000;

export class FleetRecord {
  readonly #nodes: number;
  readonly #cordonedMs = new Map<string, number>();
  #updated = 0;
  readonly outcome: FleetOutcome = {
    samples: [],
    reached: landmarks.map((percent) => ({ percent, afterMs: undefined })),
    budget: 0,
    mostAway: 0,
    awayMinutes: [],
    ran: {},
    halts: [],
    waitedHours: {},
    passes: 0,
    events: 0,
  };

  /** @param nodes how many there are */
  constructor(nodes: number) {
    this.#nodes = nodes;
  }

  /** Cordoned by the operator now. */
  get away(): number {
    return this.#cordonedMs.size;
  }

  cordoned(name: string, atMs: number): void {
    this.#cordonedMs.set(name, atMs);
  }

  uncordoned(name: string, atMs: number): void {
    const minutes = Math.floor((atMs - (this.#cordonedMs.get(name) ?? atMs)) / minuteMs);
    this.#cordonedMs.delete(name);
    const { awayMinutes } = this.outcome;
    while (awayMinutes.length <= Math.min(minutes, mostMinutes)) awayMinutes.push(0);
    const bin = Math.min(minutes, mostMinutes);
    awayMinutes[bin] = (awayMinutes[bin] ?? 0) + 1;
  }

  booted(version: string): void {
    this.outcome.ran[version] = (this.outcome.ran[version] ?? 0) + 1;
  }

  updated(atMs: number): void {
    this.#updated++;
    for (const each of this.outcome.reached) {
      const wanted = Math.ceil((each.percent / 100) * this.#nodes);
      if (each.afterMs === undefined && this.#updated >= wanted) each.afterMs = atMs;
    }
  }

  wentBack(): void {
    this.#updated--;
  }

  halted(atMs: number, halt: { node: string; version: string; reason: string }): void {
    const { node, version, reason } = halt;
    this.outcome.halts.push({ atMs, node, version, reason, hostsWithIt: this.outcome.ran[version] ?? 0 });
  }

  looked(budget: number): void {
    this.outcome.passes++;
    this.outcome.budget = budget;
    this.outcome.mostAway = Math.max(this.outcome.mostAway, this.away);
  }

  sample(atMs: number, claimed: number): void {
    this.outcome.samples.push({ atMs, updated: this.#updated, away: this.away, claimed });
  }

  waited(cause: Cause, hours: number): void {
    const { waitedHours } = this.outcome;
    waitedHours[cause] = (waitedHours[cause] ?? 0) + hours;
  }
}
