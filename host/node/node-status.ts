/** How this node of a cluster does: a part of GET /status. */
import type { StatusBody } from "../../api/status.ts";
import { machineClock, within } from "../../lib/clock.ts";
import { explain } from "../../lib/failure.ts";
import type { Settings } from "../../settings/model/model.ts";
import type { Facts } from "../machine/facts.ts";
import { nodeCheck, nodeName } from "./node-ready.ts";
import type { System } from "../machine/system.ts";
import { kubeletAilment } from "../machine/unit-ailment.ts";

/** Who asks for the status does not wait longer for a cluster that is away. */
const patienceMs = 1_500;

type Answer = { version: number; reasons: readonly string[] };

export class NodeStatus {
  readonly #system: System;
  readonly #facts: Facts;
  #last: Answer | undefined;
  #asking: Promise<unknown> | undefined;

  constructor(system: System, facts: Facts) {
    this.#system = system;
    this.#facts = facts;
  }

  /** Undefined on hosts that are not to be nodes. `version` is that of the settings. */
  async now(settings: Settings, version: number, signal: AbortSignal): Promise<StatusBody["node"]> {
    const check = nodeCheck(this.#system, settings, this.#facts);
    if (check === undefined) return undefined;
    this.#asking ??= this.#ask(check, version, signal);
    await within(machineClock, patienceMs, this.#asking);
    const reasons = this.#last?.version === version ? this.#last.reasons : ["the cluster has not answered yet"];
    return { name: nodeName(settings), ready: reasons.length === 0, reasons: [...reasons] };
  }

  async #ask(check: (signal: AbortSignal) => Promise<string[]>, version: number, signal: AbortSignal): Promise<void> {
    try {
      const reasons = await check(signal);
      const ofKubelet = reasons.length === 0 ? [] : await kubeletAilment(this.#system, signal);
      this.#last = { version, reasons: [...reasons, ...ofKubelet.map(({ message }) => message)] };
    } catch (error) {
      // Who asks for the status of the host gets the rest of it all the same.
      if (!signal.aborted) this.#last = { version, reasons: [`cannot tell how the node does: ${explain(error)}`] };
    } finally {
      this.#asking = undefined;
    }
  }
}
