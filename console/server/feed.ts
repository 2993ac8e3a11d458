/**
 * Looks at the host as long as somebody looks at the page, and hands on what changed. All pages share the looks: ten open
 * pages cost a host as much as one, and none costs nothing.
 */
import type { Client } from "../../api/client/client.ts";
import { deadline, type Clock, type Deadline } from "../../lib/clock.ts";
import { explain, isFailure } from "../../lib/failure.ts";
import type { ConsoleView, Viewer } from "../view.ts";
import type { Veil } from "./veil.ts";

type Source = {
  name: Exclude<keyof ConsoleView, "viewer" | "connection">;
  /** How often it is looked at. */
  everyMs: (view: ConsoleView) => number;
  /** Undefined when there is nothing new to tell. */
  read: (client: Client, signal: AbortSignal) => Promise<Partial<ConsoleView> | undefined>;
};

type Fed = { client: Client; veil: Veil; viewer: Viewer; clock: Clock };

export type FeedListener = (part: Partial<ConsoleView>) => void;

const tickMs = 500;
const soonMs = 2_000;
const entriesMost = 200;

/** Codes by which a host tells that it has nothing to answer, or is too old to have the endpoint. */
const isAbsent = (error: unknown): boolean => isFailure(error, "no-such-endpoint", "no-update-status");

/** The status comes first: it says whether settings and history are to be read anew. */
const sources: readonly Source[] = [
  {
    name: "status",
    everyMs: () => soonMs,
    read: async (client, signal) => ({ status: await client.call("getStatus", { signal }) }),
  },
  {
    name: "history",
    everyMs: () => 10_000,
    read: async (client, signal) => ({
      history: await client.call("getHistory", { query: { limit: entriesMost }, signal }),
    }),
  },
  {
    name: "settings",
    everyMs: () => 30_000,
    read: async (client, signal) => ({ settings: await client.call("getSettings", { query: {}, signal }) }),
  },
  {
    name: "updates",
    everyMs: ({ updates }) => (updates?.progress === undefined ? soonMs : tickMs),
    async read(client, signal) {
      try {
        return { updates: await client.call("getUpdateStatus", { query: { progress: true }, signal }) };
      } catch (error) {
        if (isFailure(error, "update-busy")) return undefined;
        throw error;
      }
    },
  },
  {
    name: "containers",
    everyMs: () => 3_000,
    read: async (client, signal) => ({
      containers: await client.call("getHostContainers", { query: { lines: 0 }, signal }),
    }),
  },
  {
    name: "boot",
    everyMs: ({ status, boot }) => {
      if (status?.state === "booting") return soonMs;
      // A host that is busy with its first minute answers with less than it knows later.
      return boot?.finishedSeconds === undefined || boot.unknown.length > 0 ? 5_000 : 60_000;
    },
    read: async (client, signal) => ({ boot: await client.call("getBoot", { signal }) }),
  },
  {
    name: "usage",
    everyMs: () => 15_000,
    read: async (client, signal) => ({ usage: await client.call("getUsage", { signal }) }),
  },
];

export class Feed {
  readonly #client: Client;
  readonly #veil: Veil;
  readonly #clock: Clock;
  readonly #listeners = new Set<FeedListener>();
  readonly #due = new Map<Source["name"], Deadline>();
  #view: ConsoleView;
  /** What of the view was sent last, as text. */
  readonly #sent = new Map<string, string>();
  #isRunning = false;

  constructor({ client, veil, viewer, clock }: Fed) {
    this.#client = client;
    this.#veil = veil;
    this.#clock = clock;
    this.#view = { viewer };
  }

  /**
   * Sends what is known at once, and each part that is new from then on.
   *
   * @param stop of the server, whichever page it is for
   */
  listen(listener: FeedListener, signal: AbortSignal, stop: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
    listener(this.#view);
    if (!this.#isRunning) void this.#run(stop);
  }

  /** Something was done: everything is looked at again soon. */
  stir(): void {
    this.#due.clear();
  }

  async #run(stop: AbortSignal): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#listeners.size > 0 && !stop.aborted) {
        await this.#look(stop);
        await this.#clock.sleep(tickMs, stop);
      }
    } catch (error) {
      if (!stop.aborted) throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    for (const source of sources) {
      if (this.#listeners.size === 0) return;
      if (this.#due.get(source.name)?.passed === false) continue;
      this.#due.set(source.name, deadline(this.#clock, source.everyMs(this.#view)));
      try {
        await this.#take((await source.read(this.#client, signal)) ?? {}, signal);
        this.#show({ connection: { reached: true } });
      } catch (error) {
        if (isAbsent(error)) this.#show({ [source.name]: null });
        else this.#show({ connection: { reached: false, reason: this.#veil.text(explain(error)) } });
        // Whoever does not answer one question is not asked the next ones.
        if (isFailure(error, "cannot-connect")) return;
      }
    }
  }

  async #take(part: Partial<ConsoleView>, signal: AbortSignal): Promise<void> {
    const { status, settings, history } = part;
    if (settings !== undefined) {
      this.#veil.learn({ settings });
      return this.#show({ settings: this.#veil.settings(settings) });
    }
    if (history !== undefined) this.#veil.learn({ entries: history });
    // Secrets of new settings are known before anything is shown that may have them in it.
    if (status !== undefined && status.settings.version !== this.#view.status?.settings.version)
      await this.#relearn(signal);
    this.#show(this.#veil.answer(part));
  }

  async #relearn(signal: AbortSignal): Promise<void> {
    // One after the other: they share a connection.
    const settings = await this.#client.call("getSettings", { query: {}, signal });
    const entries = await this.#client.call("getHistory", { query: { limit: entriesMost }, signal });
    this.#veil.learn({ settings, entries });
    this.#show({ settings: this.#veil.settings(settings), history: this.#veil.answer(entries) });
  }

  /** Sends what of it is new. */
  #show(part: Partial<ConsoleView>): void {
    const fresh = Object.fromEntries(
      Object.entries(part).filter(([name, value]) => {
        const text = JSON.stringify(value);
        if (this.#sent.get(name) === text) return false;
        this.#sent.set(name, text);
        return true;
      }),
    );
    if (Object.keys(fresh).length === 0) return;
    this.#view = { ...this.#view, ...fresh };
    for (const listener of this.#listeners) listener(fresh);
  }
}
