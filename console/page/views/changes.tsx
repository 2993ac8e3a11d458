/** Changes of settings, and what they do to the host: before, and after. */
import { diffLines } from "diff";
import type { Applied, Plan, TransactionBody } from "../../../api/answers.ts";
import { Card, Pill } from "../../../web/page/parts.tsx";
import { valueText } from "../../../web/page/texts.ts";

export function ChangeTable({ changes }: { changes: TransactionBody["changes"] }) {
  if (changes.length === 0) return null;
  return (
    <table class="changes">
      <thead class="unseen">
        <tr>
          <th>Setting</th>
          <th>Before</th>
          <th>After</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ key, before, after }) => (
          <tr key={key}>
            <th scope="row">{key}</th>
            <td>
              <del>{before === undefined ? "default" : valueText(before)}</del>
            </td>
            <td>
              <ins>{after === undefined ? "default" : valueText(after)}</ins>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Effect = Plan["reconcilers"][number]["effects"][number];

export function PlanCard({ plan }: { plan: Plan }) {
  const { changes, reconcilers, rebootNeeded } = plan;
  if (changes.length === 0) {
    return (
      <Card title="Plan">
        <p>Nothing would change: the settings are so already.</p>
      </Card>
    );
  }
  const effects = reconcilers.flatMap((reconciler) => reconciler.effects);
  const units = effects.flatMap(({ units: each = [] }) => each);
  const further = effects.filter(({ file, units: own }) => file === undefined && own === undefined);
  const failures = reconcilers.flatMap(({ name, failure }) =>
    failure === undefined ? [] : [`${name}: ${failure.message}`],
  );
  return (
    <Card
      title="Plan"
      aside={
        <Pill tone={rebootNeeded.length > 0 ? "attention" : "good"}>
          {rebootNeeded.length > 0 ? "reboot needed" : "no reboot"}
        </Pill>
      }
    >
      <p class="fine">Nothing has changed yet. Applying this would:</p>
      <ChangeTable changes={changes} />
      {rebootNeeded.map((reason) => (
        <p key={reason}>Reboot: {reason}</p>
      ))}
      {units.length > 0 && (
        <>
          <h3>Units</h3>
          <ul>
            {units.map(({ name, action }) => (
              <li key={`${action} ${name}`}>
                {action} <code>{name}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      <Files effects={effects} />
      {further.length > 0 && (
        <>
          <h3>Also</h3>
          <ul>
            {further.map((effect) => (
              <li key={effect.says}>{effect.says}</li>
            ))}
          </ul>
        </>
      )}
      {[...failures, ...reconcilers.flatMap(({ warnings = [] }) => warnings)].map((sentence) => (
        <p key={sentence} class="warning">
          {sentence}
        </p>
      ))}
      {effects.length + rebootNeeded.length + failures.length === 0 && <p>Nothing on the host depends on this.</p>}
    </Card>
  );
}

function Files({ effects }: { effects: readonly Effect[] }) {
  const files = effects.flatMap(({ file }) => (file === undefined ? [] : [file]));
  if (files.length === 0) return null;
  return (
    <>
      <h3>Files</h3>
      {files.map(({ path, change, text }) => (
        <figure key={path} class="file">
          <figcaption>
            {change} <code>{path}</code>
          </figcaption>
          {text === undefined ? (
            <p class="fine">What is in it is not shown: only root may read it.</p>
          ) : (
            <Diff before={text.before} after={text.after} />
          )}
        </figure>
      ))}
    </>
  );
}

/** Lines around a change that are shown with it. */
const context = 2;

function Diff({ before, after }: { before: string; after: string }) {
  const parts = diffLines(before, after);
  return (
    <pre class="diff" tabIndex={0}>
      {parts.map(({ value, added, removed }, at) => {
        const lines = value.replace(/\n$/, "").split("\n");
        const isKept = !added && !removed;
        const shown = isKept ? shortened(lines, at > 0, at < parts.length - 1) : lines;
        const sign = added ? "+" : removed ? "-" : " ";
        return shown.map((line, index) => (
          <span key={`${at} ${index}`} class={added ? "added" : removed ? "removed" : ""}>
            {line === undefined ? "  …" : `${sign} ${line}`}
            {"\n"}
          </span>
        ));
      })}
    </pre>
  );
}

/** Undefined stands for what is left out. */
function shortened(lines: readonly string[], afterChange: boolean, beforeChange: boolean): (string | undefined)[] {
  const first = afterChange ? lines.slice(0, context) : [];
  const last = beforeChange ? lines.slice(Math.max(first.length, lines.length - context)) : [];
  if (first.length + last.length >= lines.length) return [...lines];
  return [...first, undefined, ...last];
}

/** What a change did. */
export function Outcome({ applied: { changed, version, notes = [], result, trial } }: { applied: Applied }) {
  const reconcilers = result?.reconcilers ?? [];
  const failures = reconcilers.flatMap(({ name, failure }) => (failure === undefined ? [] : [{ name, failure }]));
  return (
    <section class={`verdict ${failures.length > 0 ? "broken" : "good"}`} role="status">
      <p class="sentence">
        {changed.length === 0
          ? "Nothing changed: the settings are so already"
          : `Version ${version} changed ${changed.join(", ")}`}
      </p>
      <ul>
        {reconcilers
          .flatMap(({ effects }) => effects)
          .map((effect) => (
            <li key={effect.says}>{effect.says}</li>
          ))}
        {failures.map(({ name, failure }) => (
          <li key={name}>
            <strong>failed:</strong> {name}: {failure.message}
            {failure.journal !== undefined && <pre tabIndex={0}>{failure.journal}</pre>}
          </li>
        ))}
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
      {changed.length > 0 && result === undefined && <p>It is still being applied.</p>}
      {trial !== undefined && <p>It goes back by itself unless it is kept.</p>}
    </section>
  );
}
