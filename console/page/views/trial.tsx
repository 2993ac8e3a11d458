/** Settings that go back by themselves: how long is left, and keeping or taking them back now. */
import type { TrialBody } from "../../../api/answers.ts";
import type { Viewer } from "../../view.ts";
import { Action } from "../action.tsx";
import { call } from "../calls.ts";
import { useNow } from "../../../web/page/use-now.ts";
import { Moment } from "../../../web/page/parts.tsx";
import { formatDuration } from "../../../web/page/texts.ts";

/** The deadline is by the host's clock; this counts by the reader's, which may be some seconds off. */
export function Remaining({ trial }: { trial: TrialBody }) {
  const leftMs = Date.parse(trial.deadline) - useNow();
  return <>{leftMs <= 0 ? "now" : `in ${formatDuration(Math.ceil(leftMs / 1000))}`}</>;
}

export function TrialBar({ trial, viewer }: { trial: TrialBody; viewer: Viewer | undefined }) {
  return (
    <section class="verdict attention" aria-label="Settings on trial">
      <p class="sentence">
        Version {trial.version} is on trial: version {trial.revertsTo} returns <Remaining trial={trial} />
      </p>
      <p>
        At <Moment at={trial.deadline} />, unless it is kept.
      </p>
      <Action viewer={viewer} role="operator" kind="main" perform={async () => await call("confirm")}>
        Keep version {trial.version}
      </Action>{" "}
      <Action viewer={viewer} role="operator" perform={async () => await call("revert", { query: { wait: "1" } })}>
        Go back now
      </Action>
    </section>
  );
}
