/** A change that was made up on the page: planned, then tried for a while or applied for good. */
import { useState } from "preact/hooks";
import type { Applied, Plan, Refusal } from "../../../api/answers.ts";
import type { ConsoleView } from "../../view.ts";
import { Action } from "../action.tsx";
import { refusalOf } from "../../../web/page/refused-call.ts";
import { call } from "../calls.ts";
import { Card, RefusalBox } from "../../../web/page/parts.tsx";
import { PlanCard } from "./changes.tsx";

type ProposalProps = {
  view: ConsoleView;
  changes: ReadonlyMap<string, string>;
  withdraw: (key: string) => void;
  done: (applied: Applied) => void;
};

/** How long settings are tried, in seconds. */
const trialTimes = [
  [120, "2 minutes"],
  [600, "10 minutes"],
  [3600, "an hour"],
] as const;

export function Proposal({ view: { viewer, status }, changes, withdraw, done }: ProposalProps) {
  const [plan, setPlan] = useState<Plan>();
  const [planned, setPlanned] = useState<string>();
  const [refusal, setRefusal] = useState<Refusal>();
  const [trySeconds, setTrySeconds] = useState(600);
  const pairs = [...changes].map(([key, text]) => `${key}=${text}`);
  const wanted = JSON.stringify(pairs);
  const isPlanned = planned === wanted && plan !== undefined;
  const makePlan = async (): Promise<void> => {
    setRefusal(undefined);
    try {
      setPlan(await call("plan", { query: { files: "1" }, body: { pairs } }));
      setPlanned(wanted);
    } catch (error) {
      setPlan(undefined);
      setRefusal(refusalOf(error));
    }
  };
  const commit = async (query: Record<string, string>): Promise<void> => {
    const body = { pairs, message: `set ${[...changes.keys()].join(", ")} on the console` };
    done(await call("changeSettings", { query: { wait: "1", ...query }, body }));
  };
  const isOnTrial = status?.trial !== undefined;
  return (
    <Card title="Your change">
      <ul class="pairs">
        {[...changes].map(([key, text]) => (
          <li key={key}>
            <code>
              {key}={text}
            </code>{" "}
            <button type="button" class="quiet" onClick={() => withdraw(key)} aria-label={`do not change ${key}`}>
              leave it
            </button>
          </li>
        ))}
      </ul>
      <Action viewer={viewer} role="operator" changes={false} kind={isPlanned ? "plain" : "main"} perform={makePlan}>
        Plan
      </Action>
      {refusal !== undefined && <RefusalBox refusal={refusal} />}
      {isPlanned && (
        <>
          <PlanCard plan={plan} />
          <div class="row">
            <Action
              viewer={viewer}
              role="admin"
              kind="main"
              disabled={isOnTrial}
              perform={async () => await commit({ try: String(trySeconds) })}
            >
              Try
            </Action>
            <label>
              for{" "}
              <select
                value={String(trySeconds)}
                onChange={({ currentTarget }) => setTrySeconds(Number(currentTarget.value))}
              >
                {trialTimes.map(([seconds, words]) => (
                  <option key={seconds} value={seconds}>
                    {words}
                  </option>
                ))}
              </select>
            </label>
            <Action viewer={viewer} role="admin" disabled={isOnTrial} perform={async () => await commit({})}>
              Apply for good
            </Action>
          </div>
        </>
      )}
    </Card>
  );
}
