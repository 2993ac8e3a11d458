/**
 * A reconciler makes one part of the machine what the settings say: observe, plan, apply.
 *
 * `plan` is pure and is the only place that decides: a preview shows its steps for proposed settings, a pass applies
 * them for committed ones, so what a preview says will restart is what restarts. No steps means converged.
 */
import type { FailureCode } from "../../lib/failure.ts";
import type { Settings } from "../../settings/model.ts";
import type { Facts } from "../facts.ts";
import type { System } from "../system.ts";

/** What one step does to the machine, for people and for `plan`. */
export type Effect = {
  /** A sentence without subject or period: "set net.ipv4.ip_forward to 1". */
  says: string;
  file?: { path: string; change: "create" | "modify" | "remove" };
  units?: { name: string; action: UnitAction }[];
};

export type UnitAction = "restart" | "reload" | "start" | "stop";

export type Definition<Desired, Actual, Step> = {
  /** Kebab-case, shown in `apiclient status`. */
  name: string;
  /** Pure. Throws a Failure when the settings ask for something that cannot be. */
  desired(settings: Settings, facts: Facts): Desired;
  /** Reads the machine, changes nothing. */
  observe(system: System, desired: Desired): Promise<Actual>;
  /** Pure; [] means converged. */
  plan(desired: Desired, actual: Actual): Step[];
  /** Pure; what stays different whatever `apply` does, until the machine is booted again. */
  rebootNeeded?(desired: Desired, actual: Actual): string[];
  /** Undefined for bookkeeping that changes nothing a person could notice. */
  describe(step: Step): Effect | undefined;
  apply(system: System, step: Step): Promise<void>;
  /** Whether the steps behind a failed one are still tried. A later step that relies on an earlier one says "stop". */
  afterFailure: "stop" | "continue";
};

export type PassFailure = {
  code: FailureCode;
  message: string;
  /** The unit that failed, and the last it said. */
  unit?: string;
  journal?: string;
  /** What was not done because of it: the same words whenever the same fails, also on another boot. */
  undone?: string[];
};

/** Code of a boot in which a reconciler failed. It is tried again after the boot, and tells its own state. */
export const notApplied = "not-applied";

/** What a pass would do. */
export type Preview = { effects: Effect[]; rebootNeeded: string[] };

/** `steps` counts those that were planned, `effects` are those that happened. */
export type Pass = { steps: number; effects: Effect[]; failures: unknown[]; rebootNeeded: string[] };

/** A definition with its types closed over, as the engine sees it. */
export type Reconciler = {
  name: string;
  /** Makes it so; expected to need 0 steps the second time. Rejects only when it cannot even observe or plan. */
  pass(system: System, settings: Settings, facts: Facts): Promise<Pass>;
  /** What a pass with these settings would do now; changes nothing. */
  preview(system: System, settings: Settings, facts: Facts): Promise<Preview>;
};

export function reconciler<Desired, Actual, Step>(definition: Definition<Desired, Actual, Step>): Reconciler {
  const decide = async (system: System, settings: Settings, facts: Facts) => {
    const desired = definition.desired(settings, facts);
    const actual = await definition.observe(system, desired);
    return { steps: definition.plan(desired, actual), rebootNeeded: definition.rebootNeeded?.(desired, actual) ?? [] };
  };
  return {
    name: definition.name,
    async preview(system, settings, facts) {
      const { steps, rebootNeeded } = await decide(system, settings, facts);
      return { effects: steps.flatMap((step) => definition.describe(step) ?? []), rebootNeeded };
    },
    async pass(system, settings, facts) {
      const { steps, rebootNeeded } = await decide(system, settings, facts);
      const pass: Pass = { steps: steps.length, effects: [], failures: [], rebootNeeded };
      for (const step of steps) {
        const effect = definition.describe(step);
        try {
          await definition.apply(system, step);
        } catch (error) {
          pass.failures.push(error);
          if (definition.afterFailure === "stop") break;
          continue;
        }
        if (effect === undefined) continue;
        pass.effects.push(effect);
        system.log.info(`${definition.name}: ${effect.says}`);
      }
      return pass;
    },
  };
}
