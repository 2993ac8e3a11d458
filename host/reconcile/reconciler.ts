/**
 * A reconciler makes one part of the machine what the settings say: observe, plan, apply.
 *
 * `plan` is pure and is the only place that decides: a preview shows its steps for proposed settings, a pass applies
 * them for committed ones, so what a preview says will restart is what restarts. No steps means converged.
 */
import { isFailure } from "../../lib/failure.ts";
import { readBy } from "../datastore/reads.ts";
import type { Settings } from "../../settings/model/model.ts";
import type { Facts } from "../machine/facts.ts";
import type { System } from "../machine/system.ts";

/** What one step does to the machine, for people and for `plan`. */
export type Effect = {
  /** A sentence without subject or period: "set net.ipv4.ip_forward to 1". */
  description: string;
  file?: { path: string; change: "create" | "modify" | "remove"; text?: FileText };
  units?: { name: string; action: UnitAction }[];
};

/** What is in a file before and after a step. */
export type FileText = { before: string; after: string };

export type UnitAction = "restart" | "reload" | "start" | "stop";

export type ReconcilerDefinition<Desired, Actual, Step> = {
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
  /**
   * Pure; sentences about what the settings ask for and this machine does not have. They are shown, and are no failure.
   */
  warnings?(desired: Desired, actual: Actual): string[];
  /** Undefined for bookkeeping that changes nothing a person could notice. */
  describe(step: Step): Effect | undefined;
  /** For previews alone, of files that everybody may read: what a step does to a file. */
  fileText?(step: Step): FileText | undefined;
  /**
   * The step carries everything that decides what is done, such as the text to write: two equal steps do the same. By that
   * the engine knows a failure again (`Setback`).
   *
   * @throws {Failure<"lacking">} when only the try could tell that this machine does not have it: a warning
   */
  apply(system: System, step: Step): Promise<void>;
  /** Whether the steps behind a failed one are still tried. A later step that relies on an earlier one says "stop". */
  afterFailure: "stop" | "continue";
};

/** Code of a boot in which a reconciler failed. It is tried again after the boot, and tells its own state. */
export const notApplied = "not-applied";

/** Something that a pass could not do. */
export type Setback = {
  error: unknown;
  /** Everything that decides what was to be done. When an earlier pass failed with an equal value, this failure is no new one. */
  wanted: unknown;
  /** What was not done, for people. */
  undone: string[];
};

/** What a pass would do. */
export type Preview = { effects: Effect[]; rebootNeeded: string[]; warnings: string[] };

/** `steps` counts those that were planned, `effects` are those that happened. */
export type Reconciliation = Preview & { steps: number; setbacks: Setback[] };

/** A definition with its types closed over, as the engine sees it. */
export type Reconciler = {
  name: string;
  /** Makes it so; expected to need 0 steps the second time. */
  reconcile(system: System, settings: Settings, facts: Facts): Promise<Reconciliation>;
  /** What a pass with these settings would do now; changes nothing. Rejects when it cannot observe or plan. */
  preview(system: System, settings: Settings, facts: Facts): Promise<Preview>;
};

export function reconciler<Desired, Actual, Step>(definition: ReconcilerDefinition<Desired, Actual, Step>): Reconciler {
  const decide = async (system: System, desired: Desired) => {
    const actual = await definition.observe(system, desired);
    return {
      steps: definition.plan(desired, actual),
      rebootNeeded: definition.rebootNeeded?.(desired, actual) ?? [],
      warnings: definition.warnings?.(desired, actual) ?? [],
    };
  };
  const nothingDone = (setback: Setback): Reconciliation => ({
    steps: 0,
    effects: [],
    setbacks: [setback],
    rebootNeeded: [],
    warnings: [],
  });
  return {
    name: definition.name,
    async preview(system, settings, facts) {
      const { steps, ...rest } = await decide(system, definition.desired(settings, facts));
      return { effects: steps.flatMap((step) => withText(definition, step) ?? []), ...rest };
    },
    async reconcile(system, settings, facts) {
      let desired: Desired;
      try {
        desired = definition.desired(settings, facts);
      } catch (error) {
        const wanted = readBy(settings, (recorded) => definition.desired(recorded, facts));
        return nothingDone({ error, wanted, undone: ["work out what is to be"] });
      }
      let decided: Awaited<ReturnType<typeof decide>>;
      try {
        decided = await decide(system, desired);
      } catch (error) {
        return nothingDone({ error, wanted: desired, undone: ["look at the machine"] });
      }
      const { steps, ...rest } = decided;
      const done: Reconciliation = { steps: steps.length, effects: [], setbacks: [], ...rest };
      for (const [index, step] of steps.entries()) {
        const effect = definition.describe(step);
        try {
          await definition.apply(system, step);
        } catch (error) {
          if (isFailure(error, "lacking")) {
            done.warnings.push(error.message);
            continue;
          }
          const wanted = definition.afterFailure === "stop" ? steps.slice(index) : [step];
          done.setbacks.push({
            error,
            wanted,
            undone: wanted.flatMap((each) => subjectsOf(definition.describe(each))),
          });
          if (definition.afterFailure === "stop") break;
          continue;
        }
        if (effect === undefined) continue;
        done.effects.push(effect);
        system.log.info(`${definition.name}: ${effect.description}`);
      }
      return done;
    },
  };
}

function withText<Desired, Actual, Step>(
  definition: ReconcilerDefinition<Desired, Actual, Step>,
  step: Step,
): Effect | undefined {
  const effect = definition.describe(step);
  const text = definition.fileText?.(step);
  if (effect?.file === undefined || text === undefined) return effect;
  return { ...effect, file: { ...effect.file, text } };
}

/** What a step is about. A file that is created after a reboot was one to be changed before it. */
function subjectsOf(effect: Effect | undefined): string[] {
  if (effect === undefined) return ["keep its records"];
  const { description, file, units = [] } = effect;
  const subjects = [...(file === undefined ? [] : [file.path]), ...units.map(({ name }) => name)];
  return subjects.length === 0 ? [description] : subjects;
}
