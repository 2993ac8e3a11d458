/** What reconcilers did, or would do, in the form of the API's answers. */
import type { PassReportBody, Plan } from "../../../api/answers.ts";
import type { PassReport, PlanReport } from "../../reconcile/engine.ts";
import type { Masker } from "../../masking/masker.ts";
import type { Effect } from "../../reconcile/reconciler.ts";

export function passReportBody({ version, reconcilers }: PassReport): PassReportBody {
  return { version, reconcilers: reconcilers.map(withEffectBodies) };
}

/** @param mask takes secrets out of what is in files; without it, no such text is answered */
export function planBody({ reconcilers, rebootNeeded }: PlanReport, mask: Masker | undefined): Omit<Plan, "changes"> {
  const shown = reconcilers.map((report) => ({
    ...report,
    effects: report.effects.map((effect) => withFileText(effect, mask)),
  }));
  return { reconcilers: shown.map(withEffectBodies), rebootNeeded };
}

function withFileText(effect: Effect, mask: Masker | undefined): Effect {
  if (effect.file?.text === undefined) return effect;
  const { text, ...file } = effect.file;
  if (mask === undefined) return { ...effect, file };
  return { ...effect, file: { ...file, text: { before: mask(text.before), after: mask(text.after) } } };
}

type EffectBody = Plan["reconcilers"][number]["effects"][number];

function withEffectBodies<Report extends { effects: readonly Effect[] }>(
  report: Report,
): Omit<Report, "effects"> & { effects: EffectBody[] } {
  // oxlint-disable-next-line id-denylist -- the name in the API
  return { ...report, effects: report.effects.map(({ description, ...rest }) => ({ says: description, ...rest })) };
}
