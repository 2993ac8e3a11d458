/** The only button of the page: it stops a roll-out, for a reason that everybody then reads. */
import { useState } from "preact/hooks";
import { ActionButton } from "../../../web/page/action-button.tsx";
import { post } from "../../../web/page/refused-call.ts";
import type { FleetViewer, StopRequest } from "../fleet-update.ts";

export function StopButton({ policy, viewer }: { policy: string; viewer: FleetViewer | undefined }) {
  const [isAsking, setAsking] = useState(false);
  const [reason, setReason] = useState("");
  const hindrance = viewer === undefined ? "not connected yet" : viewer.hindrance;
  if (!isAsking) {
    return (
      <button
        type="button"
        class="danger"
        disabled={hindrance !== undefined}
        title={hindrance}
        onClick={() => setAsking(true)}
      >
        Stop
      </button>
    );
  }
  const request: StopRequest = { policy, reason };
  return (
    <span class="editor">
      <label>
        Why?{" "}
        <input
          type="text"
          maxLength={500}
          value={reason}
          placeholder="the database migrates tonight"
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      <ActionButton
        hindrance={hindrance}
        kind="danger"
        disabled={reason.trim() === ""}
        perform={async () => {
          await post("stop", request);
          setAsking(false);
        }}
      >
        Stop {policy}
      </ActionButton>
      <button type="button" onClick={() => setAsking(false)}>
        Cancel
      </button>
    </span>
  );
}
