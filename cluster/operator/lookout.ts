/**
 * What caches do not have of nodes under work: pods and volumes of those that drain, what gates say of those that soak.
 *
 * It is asked for beside the passes and never waited for by one: an operator that takes over hundreds of nodes, or whose
 * gates do not answer, begins to write at once.
 */
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { ChangeCount } from "../../lib/change-count.ts";
import { firstOf } from "../../lib/first-of.ts";
import type { Fetch } from "../../lib/files/http-redirects.ts";
import type { Gate } from "../policy/gate.ts";
import type { Snapshot } from "../roll-out/snapshot.ts";
import type { Draining, Drains } from "./drains.ts";
import { GateQuestions } from "./gates/gate-questions.ts";

/** Nodes that drain; by name of nodes that soak, what must hold there. */
export type UnderWork = { draining: Draining; soaking: ReadonlyMap<string, readonly Gate[]> };

/** How often it is looked whether anything is due. */
const restMs = 200;
/** How long the answer of a gate is good. */
const askMs = 3_000;

export class Lookout {
  readonly #client: KubernetesClient;
  readonly #gates: GateQuestions;
  readonly #news = new ChangeCount();
  #answers: Snapshot["gates"] = new Map();
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(client: KubernetesClient, fetch: Fetch) {
    this.#client = client;
    this.#gates = new GateQuestions(client, fetch);
  }

  get answers(): Snapshot["gates"] {
    return this.#answers;
  }

  /** Grows whenever anything is known that was not. */
  get news(): number {
    return this.#news.count;
  }

  async newsSince(known: number, signal: AbortSignal): Promise<void> {
    await this.#news.since(known, signal);
  }

  /**
   * Looks and asks until the signal aborts; whatever fails is tried again.
   *
   * @param onOutcome of each try: what was tried, and the error unless it went well
   */
  async keep(
    work: () => UnderWork & { drains: Drains | undefined },
    onOutcome: (deed: string, error?: unknown) => void,
    signal: AbortSignal,
  ): Promise<never> {
    const keepDoing = async (name: string, deed: () => Promise<void>, raced: AbortSignal): Promise<never> => {
      for (let waitMs = restMs; ;) {
        try {
          await deed();
          onOutcome(name);
          waitMs = restMs;
        } catch (error) {
          raced.throwIfAborted();
          onOutcome(name, error);
          waitMs = askMs;
        }
        await this.#client.connection.clock.sleep(waitMs, raced);
      }
    };
    return await firstOf(signal, [
      async (raced) =>
        await keepDoing("look at the nodes that drain", async () => await this.#look(work(), raced), raced),
      async (raced) => await keepDoing("ask what must hold", async () => await this.#ask(work().soaking, raced), raced),
    ]);
  }

  async #look({ drains, draining }: UnderWork & { drains: Drains | undefined }, signal: AbortSignal): Promise<void> {
    if ((await drains?.look(draining, signal)) === true) this.#news.announce();
  }

  /** At once about a node that begins to soak. */
  async #ask(soaking: UnderWork["soaking"], signal: AbortSignal): Promise<void> {
    const { clock } = this.#client.connection;
    const isKnown = [...soaking.keys()].every((name) => this.#answers.has(name));
    if (isKnown && clock.elapsedMs() - this.#askedMs < askMs) return;
    this.#askedMs = clock.elapsedMs();
    const before = JSON.stringify([...this.#answers]);
    this.#answers = await this.#gates.ask(soaking, signal);
    if (JSON.stringify([...this.#answers]) !== before) this.#news.announce();
  }
}
