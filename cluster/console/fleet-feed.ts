/**
 * Looks at a fleet as long as somebody looks at its page, and hands on what is another. All pages share the look: ten open
 * pages cost a cluster as much as one, and none costs nothing.
 */
import type { Clock } from "../../lib/clock.ts";
import { explain } from "../../lib/failure.ts";
import type { RecordedEvent } from "../../kubernetes/events.ts";
import type { NodeDetails } from "../picture/node-details.ts";
import { partSummaries, updateRuns } from "../picture/update-parts.ts";
import type { FleetLook, FleetReading, FleetSource } from "./fleet-source.ts";
import type { FleetUpdate } from "./fleet-update.ts";
import { SentNodes } from "./sent-nodes.ts";

type FeedListener = (update: FleetUpdate) => void;

const restMs = 1_000;
/** Older ones are in the cluster, and in nobody's way here. */
const eventsMost = 2_000;

export class FleetFeed {
  readonly #source: FleetSource;
  readonly #clock: Clock;
  readonly #listeners = new Set<FeedListener>();
  #look: FleetLook | undefined;
  #stopLooking: AbortController | undefined;
  #nodes = new SentNodes();
  #known: FleetUpdate = {};
  #events: RecordedEvent[] = [];
  #eventKeys = new Set<string>();

  constructor(source: FleetSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Sends what is known at once, and what is another from then on. @param stop of the server, whichever page it is for */
  listen(listener: FeedListener, signal: AbortSignal, stop: AbortSignal): void {
    const { title, rate } = this.#source;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#leave(listener), { once: true });
    listener({ source: { title, rate } });
    if (this.#look === undefined) void this.#run(stop);
    else listener({ ...this.#known, ...this.#nodes.all, events: this.#events });
  }

  /** Of a fleet that somebody looks at. */
  details(name: string): NodeDetails | undefined {
    return this.#look?.details(name);
  }

  #leave(listener: FeedListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#stopLooking?.abort(new Error("nobody looks any more"));
    // Whoever comes next begins a look of their own, however long this one takes to end.
    this.#look = undefined;
  }

  async #run(stop: AbortSignal): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, stop]);
    const look = this.#source.look(signal);
    [this.#stopLooking, this.#look, this.#nodes] = [over, look, new SentNodes()];
    [this.#known, this.#events, this.#eventKeys] = [{}, [], new Set()];
    try {
      for (;;) {
        await this.#renew(look, signal);
        await this.#clock.sleep(restMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (this.#look === look) this.#look = undefined;
    }
  }

  async #renew(look: FleetLook, signal: AbortSignal): Promise<void> {
    try {
      const reading = await look.read(signal);
      signal.throwIfAborted();
      this.#show(reading);
    } catch (error) {
      signal.throwIfAborted();
      this.#send({ unreached: explain(error) });
    }
  }

  #show({ now, picture, events, doubt }: FleetReading): void {
    const fresh = this.#freshEvents(events);
    const parts = fresh.length === 0 ? {} : { parts: partSummaries(updateRuns(this.#events)) };
    this.#send(
      { unreached: null, doubt: doubt ?? null, policies: picture.policies, ...parts },
      {
        at: now.toISOString(),
        ...this.#nodes.renew(picture.nodes),
        ...(fresh.length === 0 ? {} : { events: fresh }),
      },
    );
  }

  #freshEvents(events: readonly RecordedEvent[]): RecordedEvent[] {
    const fresh = events.filter((event) => !this.#eventKeys.has(keyOf(event)));
    for (const event of fresh) this.#eventKeys.add(keyOf(event));
    this.#events = [...this.#events, ...fresh].slice(-eventsMost);
    if (this.#eventKeys.size > 4 * eventsMost) this.#eventKeys = new Set(events.map(keyOf));
    return fresh.slice(-eventsMost);
  }

  /** What of `lasting` is another than before, and what is always new. */
  #send(lasting: FleetUpdate, news: FleetUpdate = {}): void {
    const changed = Object.fromEntries(
      Object.entries(lasting).filter(
        ([name, value]) =>
          JSON.stringify(value) !== JSON.stringify(Object.entries(this.#known).find(([key]) => key === name)?.[1]),
      ),
    );
    const { at } = news;
    this.#known = { ...this.#known, ...changed, ...(at === undefined ? {} : { at }) };
    for (const listener of this.#listeners) listener({ ...changed, ...news });
  }
}

const keyOf = ({ at, name, reason, message }: RecordedEvent): string => [at, name, reason, message].join(" ");
