/** What reconcilers did, or would do, in the form of the API's answers. */
import type { PassReportBody, Plan } from "../../../api/answers.ts";
import type { PassReport, PlanReport } from "../../reconcile/engine.ts";
import type { Effect } from "../../reconcile/reconciler.ts";

export function passReportBody({ version, reconcilers }: PassReport): PassReportBody {
  return { version, reconcilers: reconcilers.map(withEffectBodies) };
}

export function planBody({ reconcilers, rebootNeeded }: PlanReport): Omit<Plan, "changes"> {
  return { reconcilers: reconcilers.map(withEffectBodies), rebootNeeded };
}

type EffectBody = Plan["reconcilers"][number]["effects"][number];

function withEffectBodies<Report extends { effects: readonly Effect[] }>(
  report: Report,
): Omit<Report, "effects"> & { effects: EffectBody[] } {
  // oxlint-disable-next-line id-denylist -- the name in the API
  return { ...report, effects: report.effects.map(({ description, ...rest }) => ({ says: description, ...rest })) };
}
