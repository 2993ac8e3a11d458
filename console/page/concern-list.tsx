/** What an operator should know, each with what helps. */
import type { ConsoleView } from "../view.ts";
import { concernsOf, type Concern } from "./concerns.ts";
import { CommandLine, Pill } from "../../web/page/parts.tsx";
import { addressOf, titles, type RouteName } from "./routes.ts";

/** Those that a view has more about; all, each with the way to its view, when no view is named. */
export function ConcernList({ view, route }: { view: ConsoleView; route?: RouteName }) {
  const concerns = concernsOf(view).filter((concern) => route === undefined || concern.route === route);
  if (concerns.length === 0) return null;
  return (
    <ul class="concerns">
      {concerns.map((concern) => (
        <ConcernItem key={`${concern.subject} ${concern.sentence}`} concern={concern} linked={route === undefined} />
      ))}
    </ul>
  );
}

function ConcernItem({ concern, linked }: { concern: Concern; linked: boolean }) {
  const { severity, subject, sentence, detail, command, route } = concern;
  return (
    <li class={`concern ${severity}`}>
      <div class="subject">
        <Pill tone={severity === "note" ? "quiet" : severity}>{subject}</Pill>
        {linked && (
          <a href={addressOf(route)} aria-label={`${titles[route]}: more about ${subject}`}>
            {titles[route]}
          </a>
        )}
      </div>
      <p>{sentence}</p>
      {detail !== undefined && (
        <details>
          <summary>Journal</summary>
          <pre tabIndex={0}>{detail.trimEnd()}</pre>
        </details>
      )}
      {command !== undefined && <CommandLine text={command} />}
    </li>
  );
}
