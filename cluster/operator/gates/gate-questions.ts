/** Asks what must hold while nodes soak, and remembers since when it does. */
import type { Fetch } from "../../../lib/files/http-redirects.ts";
import { messageOf } from "../../../lib/failure.ts";
import type { KubernetesClient } from "../../../kubernetes/client.ts";
import type { Gate, GateAnswer } from "../../policy/gate.ts";
import { type GateCheck, answerOf } from "./gate-answer.ts";

/** So many nodes are asked about at once. */
const atOnce = 32;
const limitMs = 10_000;

/** What was asked in a round: a gate that is the same for many nodes is asked once. */
type Round = Map<string, Promise<GateCheck>>;

export class GateQuestions {
  readonly #client: KubernetesClient;
  readonly #fetch: Fetch;
  readonly #answers = new Map<string, Map<string, GateAnswer>>();

  constructor(client: KubernetesClient, fetch: Fetch) {
    this.#client = client;
    this.#fetch = fetch;
  }

  /**
   * Asks about these nodes, and forgets all others.
   *
   * @param asked by node, what must hold there
   */
  async ask(asked: ReadonlyMap<string, readonly Gate[]>, signal: AbortSignal): Promise<Map<string, GateAnswer[]>> {
    for (const name of this.#answers.keys()) if (!asked.has(name)) this.#answers.delete(name);
    const round: Round = new Map();
    const answers = new Map<string, GateAnswer[]>();
    for (let left = [...asked]; left.length > 0; left = left.slice(atOnce)) {
      await Promise.all(
        left.slice(0, atOnce).map(async ([node, gates]) => {
          answers.set(node, await this.#askAbout(node, gates, round, signal));
        }),
      );
    }
    return answers;
  }

  async #askAbout(node: string, gates: readonly Gate[], round: Round, signal: AbortSignal): Promise<GateAnswer[]> {
    const before = this.#answers.get(node) ?? new Map<string, GateAnswer>();
    const now = this.#client.connection.clock.now();
    const answers = await Promise.all(
      gates.map(async (gate): Promise<GateAnswer> => {
        const answer = await this.#once(round, gate, node, signal);
        signal.throwIfAborted();
        const last = before.get(gate.name);
        return { gate: gate.name, ...answer, since: last?.holds === answer.holds ? last.since : now };
      }),
    );
    this.#answers.set(node, new Map(answers.map((answer) => [answer.gate, answer])));
    return answers;
  }

  async #once(round: Round, gate: Gate, node: string, signal: AbortSignal): Promise<GateCheck> {
    const { name: _, ...question } = gate;
    const key = JSON.stringify("daemonSets" in gate ? [question, node] : question).replaceAll("{node}", node);
    const known = round.get(key) ?? this.#answer(gate, node, signal);
    round.set(key, known);
    return await known;
  }

  /** Whatever cannot be asked does not hold, and says why. */
  async #answer(gate: Gate, node: string, signal: AbortSignal): Promise<GateCheck> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    try {
      return await answerOf(gate, node, { client: this.#client, fetch: this.#fetch }, until);
    } catch (error) {
      return { holds: false, reason: `cannot be asked: ${messageOf(error)}` };
    }
  }
}
