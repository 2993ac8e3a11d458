/** A button that has something done: what hinders it, that it is at work, and why it was refused. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Refusal } from "../../api/answers.ts";
import { RefusalBox } from "./parts.tsx";
import { refusalOf } from "./refused-call.ts";

export type ActionButtonProps = {
  /** Why it may not be done; undefined when it may. */
  hindrance: string | undefined;
  kind?: "main" | "danger" | "plain";
  /** Asked before it is done. */
  confirm?: string;
  perform: () => Promise<unknown>;
  disabled?: boolean;
  children: ComponentChildren;
};

export function ActionButton({
  hindrance,
  kind = "plain",
  confirm,
  perform,
  disabled = false,
  children,
}: ActionButtonProps) {
  const [working, setWorking] = useState(false);
  const [asking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
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
          disabled={disabled || working || hindrance !== undefined}
          title={hindrance}
          onClick={confirm === undefined ? run : () => setAsking(true)}
        >
          {working ? "…" : children}
        </button>
      )}
      {refusal !== undefined && <RefusalBox refusal={refusal} />}
    </span>
  );
}
