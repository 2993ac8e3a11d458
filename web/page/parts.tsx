/** Small pieces that several views are made of. */
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import type { Refusal } from "../../api/answers.ts";
import { localText, utcText } from "./texts.ts";

export type Tone = "good" | "attention" | "broken" | "quiet";

export function Card({
  title,
  children,
  aside,
}: {
  title: string;
  children: ComponentChildren;
  aside?: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** A word about a state; the tone is also in a sign, for whoever sees no colours. */
export function Pill({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`pill ${tone}`}>
      <span aria-hidden="true">{signs[tone]}</span> {children}
    </span>
  );
}

const signs: Record<Tone, string> = { good: "✓", attention: "!", broken: "✕", quiet: "–" };

/** A moment in the zone of the reader, with UTC beside. */
export function Moment({ at }: { at: string | number }) {
  return (
    <time dateTime={new Date(at).toISOString()}>
      {localText(at)} <span class="utc">{utcText(at)}</span>
    </time>
  );
}

/** What a person could type, to be copied. */
export function CommandLine({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    void navigator.clipboard.writeText(text).then(() => setCopied(true));
  };
  return (
    <span class="command">
      <code>{text}</code>
      <button type="button" class="quiet" onClick={copy} aria-label={`copy ${text}`}>
        {copied ? "copied" : "copy"}
      </button>
    </span>
  );
}

export function Facts({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Why something was not done, with all problems of the settings that were sent. */
export function RefusalBox({ refusal }: { refusal: Refusal }) {
  const { message, hint, problems = [] } = refusal;
  return (
    <div class="refusal" role="alert">
      <p>{message}</p>
      {problems.length > 0 && (
        <ul>
          {problems.map(({ key, message: sentence, suggestion }) => (
            <li key={`${key} ${sentence}`}>
              {sentence}
              {suggestion === undefined ? "" : `; did you mean ${suggestion}?`}
            </li>
          ))}
        </ul>
      )}
      {hint !== undefined && <p>{hint}</p>}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
