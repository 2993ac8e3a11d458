/** A button that has the host do something: what hinders it, that it is at work, and why it was refused. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Refusal } from "../../api/answers.ts";
import type { Role } from "../../api/endpoints/endpoint.ts";
import type { Viewer } from "../view.ts";
import { refusalOf } from "./calls.ts";
import { RefusalBox } from "./parts.tsx";
import { hindrance } from "./permission.ts";

type ActionProps = {
  viewer: Viewer | undefined;
  role: Role;
  /** Whether it changes something on the host. */
  changes?: boolean;
  kind?: "main" | "danger" | "plain";
  /** Asked before it is done. */
  confirm?: string;
  perform: () => Promise<unknown>;
  disabled?: boolean;
  children: ComponentChildren;
};

export function Action({
  viewer,
  role,
  changes = true,
  kind = "plain",
  confirm,
  perform,
  disabled = false,
  children,
}: ActionProps) {
  const [working, setWorking] = useState(false);
  const [asking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const reason = hindrance(viewer, role, changes);
  const run = (): void => {
    setAsking(false);
    setWorking(true);
    setRefusal(undefined);
    perform()
      .catch((error: unknown) => setRefusal(refusalOf(error)))
      .finally(() => setWorking(false));
  };
  return (
    <span class="action">
      {asking ? (
        <span role="group" aria-label={confirm} class="asking">
          {confirm}{" "}
          <button type="button" class="danger" onClick={run}>
            Yes
          </button>{" "}
          <button type="button" onClick={() => setAsking(false)}>
            No
          </button>
        </span>
      ) : (
        <button
          type="button"
          class={kind}
          disabled={disabled || working || reason !== undefined}
          title={reason}
          onClick={confirm === undefined ? run : () => setAsking(true)}
        >
          {working ? "…" : children}
        </button>
      )}
      {refusal !== undefined && <RefusalBox refusal={refusal} />}
    </span>
  );
}
