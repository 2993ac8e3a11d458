/** What a change did, for people. */
import type { Applied, PassReportBody, TrialBody } from "../../../../api/answers.ts";

/** How the result of a change is printed: what it did on stdout, and on stderr what has nothing to do with it. */
export const appliedResult = { print: appliedText, notes: appliedNotes, exitCode: appliedExitCode } as const;

/**
 * 1 when what was asked for could not be done. A result that did not come in time is no failure, nor is what failed
 * before and does not depend on the change.
 */
export function appliedExitCode({ result }: Applied): 0 | 1 {
  return result?.reconcilers.some(({ failure }) => failure !== undefined) === true ? 1 : 0;
}

export function appliedNotes({ notes = [], result }: Applied): string[] {
  return [
    ...notes,
    ...(result?.reconcilers ?? []).flatMap(({ name, failedBefore, warnings = [] }) => [
      ...warnings.map((warning) => `warning: ${name}: ${warning}`),
      ...(failedBefore === undefined ? [] : [`failed before this change too: ${name}: ${failedBefore.message}`]),
    ]),
  ];
}

export function appliedText({ changed, version, result, trial }: Applied): string {
  if (changed.length === 0) {
    const lines = [`nothing changed: the settings are so already (version ${version})`];
    return [...lines, ...(trial === undefined ? [] : [trialText(trial)])].join("\n");
  }
  const lines = [`version ${version} changed ${changed.join(", ")}`];
  if (result === undefined) lines.push("still being applied: `apiclient status` shows how far it is");
  else lines.push(...resultLines(result));
  if (trial !== undefined) lines.push(trialText(trial));
  return lines.join("\n");
}

function resultLines({ reconcilers }: PassReportBody): string[] {
  const lines: string[] = [];
  for (const { effects } of reconcilers) lines.push(...effects.map((effect) => `  ${effect.says}`));
  for (const reason of reconcilers.flatMap(({ rebootNeeded = [] }) => rebootNeeded))
    lines.push(`reboot needed: ${reason}`);
  for (const { name, failure } of reconcilers) {
    if (failure === undefined) continue;
    lines.push(`failed: ${name}: ${failure.message}`, ...indented(failure.journal));
  }
  return lines;
}

/** Lines of a unit's journal. */
export function indented(journal: string | undefined): string[] {
  return journal === undefined
    ? []
    : journal
        .trimEnd()
        .split("\n")
        .map((line) => `  | ${line}`);
}

/** The deadline is the host's own time: clocks differ, so nothing is counted down here. */
export function trialText({ version, revertsTo, deadline }: TrialBody): string {
  return `version ${version} is on trial: \`apiclient confirm\` before ${deadline} keeps it, else version ${revertsTo} returns`;
}
