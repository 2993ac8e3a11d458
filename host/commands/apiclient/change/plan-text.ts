/** What a change would do, for people. */
import type { Plan } from "../../../../api/answers.ts";
import { changeLine } from "./change-line.ts";

export function planText({ changes, reconcilers, rebootNeeded }: Plan): string {
  if (changes.length === 0) return "nothing would change: the settings are so already";
  const effects = reconcilers.flatMap((reconciler) => reconciler.effects);
  const failures = reconcilers.flatMap(({ name, failure }) =>
    failure === undefined ? [] : [`${name}: ${failure.message}`],
  );
  const warnings = reconcilers.flatMap((reconciler) => reconciler.warnings ?? []);
  return [
    "settings:",
    ...changes.map((change) => `  ${changeLine(change)}`),
    ...section(
      "files:",
      effects.flatMap(({ file }) => (file === undefined ? [] : [`${file.change} ${file.path}`])),
    ),
    ...section(
      "units:",
      effects.flatMap(({ units = [] }) => units.map(({ name, action }) => `${action} ${name}`)),
    ),
    ...section(
      "also:",
      effects.flatMap((effect) => (effect.file === undefined && effect.units === undefined ? [effect.says] : [])),
    ),
    ...section("reboot needed:", rebootNeeded),
    ...section("cannot tell:", failures),
    ...section("warnings:", warnings),
    ...(effects.length + rebootNeeded.length + failures.length + warnings.length === 0
      ? ["nothing on the host depends on this"]
      : []),
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}
