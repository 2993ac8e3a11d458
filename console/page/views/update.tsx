/** Which version runs, which ones there are, what holds them, and how far an update is. */
import type { StatusBody, UpdateStatusBody } from "../../../api/status.ts";
import { updateTrialText } from "../../../api/update-trial-text.ts";
import type { ConsoleView } from "../../view.ts";
import { Action } from "../action.tsx";
import { call } from "../calls.ts";
import { ConcernList } from "../concern-list.tsx";
import { Card, Facts, Moment, Pill } from "../../../web/page/parts.tsx";
import { bytesText, formatDuration } from "../../../web/page/texts.ts";
import { Explanation } from "./versions.tsx";

export function UpdateView({ view }: { view: ConsoleView }) {
  const { status, updates } = view;
  return (
    <>
      <ConcernList view={view} route="update" />
      <div class="cards">
        <Sets view={view} />
        <Progress updates={updates} />
      </div>
      <Steps view={view} />
      <Explanation isAtWork={status?.update?.stage === "working"} />
    </>
  );
}

export function updateSentence(stage: StatusBody["update"], updates: ConsoleView["updates"]): string {
  switch (stage?.stage) {
    case "working":
      return `${stage.command} is at work`;
    case "ready":
      return `${stage.version} starts at the next boot`;
    case "on-trial":
      return `${stage.version} is on trial`;
    case "went-back":
      return `went back from ${stage.version}`;
    case "unknown":
      return stage.reason;
    case undefined:
      break;
  }
  if (updates === undefined || updates === null) return "never looked for updates";
  const { chosen_update: chosen, update_state: state } = updates;
  return chosen === null ? "no update" : `${chosen.version} is ${state.toLowerCase()}`;
}

function Sets({ view: { status, updates } }: { view: ConsoleView }) {
  const active = updates?.active_partition;
  const staging = updates?.staging_partition;
  const stage = status?.update;
  const onTrial = stage?.stage === "on-trial";
  return (
    <Card title="Sets">
      <Facts
        rows={[
          [
            "Running",
            <>
              {active?.image.version ?? status?.os.version_id ?? "…"}{" "}
              <Pill tone={onTrial ? "attention" : "good"}>{onTrial ? "on trial" : "proved"}</Pill>
              {active?.next_to_boot === true && " boots next"}
            </>,
          ],
          [
            "Other set",
            staging === undefined || staging === null ? (
              "nothing that is known"
            ) : (
              <>
                {staging.image.version} {staging.next_to_boot && <Pill tone="attention">boots next</Pill>}
              </>
            ),
          ],
          ["Update", updateSentence(stage, updates)],
        ]}
      />
      {stage?.stage === "on-trial" && (
        <>
          <p>
            {stage.version} {updateTrialText(stage)}.
          </p>
          <h3>Checks that do not hold yet</h3>
          {stage.missing.length === 0 ? (
            <p>None: it is about to be successful.</p>
          ) : (
            <ul>
              {stage.missing.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          )}
        </>
      )}
    </Card>
  );
}

function Progress({ updates }: { updates: ConsoleView["updates"] }) {
  if (updates === undefined || updates === null) return null;
  const { progress, most_recent_command: last } = updates;
  return (
    <Card title="Work">
      {progress === undefined ? (
        <Facts
          rows={[
            ["Last", `${last.cmd_type}: ${last.cmd_status.toLowerCase()}`],
            ["At", <Moment at={last.timestamp} />],
            ...(last.stderr === null || last.stderr === "" ? [] : [["Reason", last.stderr] as const]),
          ]}
        />
      ) : (
        <AtWork progress={progress} />
      )}
    </Card>
  );
}

function AtWork({ progress }: { progress: NonNullable<UpdateStatusBody["progress"]> }) {
  const { command, step, done_bytes: done, total_bytes: total, bytes_per_second: rate, seconds_left: left } = progress;
  return (
    <>
      <p>
        {command}: {step}
      </p>
      {done !== undefined && total !== undefined && (
        <>
          <progress max={total} value={done} aria-label={`${command}: ${step}`} />
          <p class="fine">
            {bytesText(done)} of {bytesText(total)}
            {rate === undefined ? "" : `, ${bytesText(rate)} a second`}
            {left === undefined ? "" : `, ${formatDuration(left)} left`}
          </p>
        </>
      )}
    </>
  );
}

function Steps({ view: { viewer, updates } }: { view: ConsoleView }) {
  const state = updates?.update_state;
  return (
    <div class="row">
      <Action viewer={viewer} role="operator" perform={async () => await call("refreshUpdates")}>
        Look for updates
      </Action>
      <Action
        viewer={viewer}
        role="operator"
        disabled={state !== "Available" && state !== "Staged"}
        perform={async () => await call("prepareUpdate")}
      >
        Write it
      </Action>
      <Action
        viewer={viewer}
        role="operator"
        disabled={state !== "Staged"}
        perform={async () => await call("activateUpdate")}
      >
        Boot it next
      </Action>
      <Action
        viewer={viewer}
        role="operator"
        disabled={state !== "Ready"}
        perform={async () => await call("deactivateUpdate")}
      >
        Take it back
      </Action>
      <Action
        viewer={viewer}
        role="operator"
        kind="danger"
        confirm="Reboot this host now?"
        perform={async () => await call("reboot")}
      >
        Reboot
      </Action>
    </div>
  );
}
