/** Every version that the repository has, and what holds it. */
import { useEffect, useState } from "preact/hooks";
import type { Refusal } from "../../../api/answers.ts";
import type { UpdateExplanation } from "../../../api/status.ts";
import { refusalOf } from "../../../web/page/refused-call.ts";
import { call } from "../calls.ts";
import { useNow } from "../../../web/page/use-now.ts";
import { Card, Moment, Pill, RefusalBox } from "../../../web/page/parts.tsx";
import { formatDuration } from "../../../web/page/texts.ts";

/** Asks the repository, so it is asked for when the view is opened, and when somebody wants it anew. */
export function Explanation({ isAtWork }: { isAtWork: boolean }) {
  const [explanation, setExplanation] = useState<UpdateExplanation>();
  const [refusal, setRefusal] = useState<Refusal>();
  const ask = async (): Promise<void> => {
    try {
      setExplanation(await call("explainUpdates"));
      setRefusal(undefined);
    } catch (error) {
      setRefusal(refusalOf(error));
    }
  };
  useEffect(() => void ask(), [isAtWork]);
  return (
    <Card
      title="Versions"
      aside={
        <button type="button" onClick={() => void ask()}>
          Ask again
        </button>
      }
    >
      {refusal !== undefined && <RefusalBox refusal={refusal} />}
      {explanation === undefined ? (
        refusal === undefined && <p>Asking the repository …</p>
      ) : (
        <Versions explanation={explanation} />
      )}
    </Card>
  );
}

function Versions({ explanation }: { explanation: UpdateExplanation }) {
  const { running, seed, chosen, versions, checkedAt, metadataExpires } = explanation;
  return (
    <>
      <p>
        {chosen === undefined ? "Nothing to update to." : `Would update to ${chosen} now.`} The seed of this host is{" "}
        {seed}.
      </p>
      <table class="versions">
        <thead>
          <tr>
            <th>Version</th>
            <th>What holds it</th>
          </tr>
        </thead>
        <tbody>
          {versions.map(({ version, holds }) => (
            <tr key={version}>
              <th scope="row">
                {version} {version === running.version && <Pill tone="good">running</Pill>}
                {version === chosen && <Pill tone="attention">next</Pill>}
              </th>
              <td>
                {holds.length === 0 && "nothing"}
                {holds.map((hold) => (
                  <p key={hold.says}>
                    {hold.says}.{hold.opensAt !== undefined && <Opening at={hold.opensAt} />}
                  </p>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="fine">
        As of <Moment at={checkedAt} />; good until <Moment at={metadataExpires} />.
      </p>
    </>
  );
}

function Opening({ at }: { at: string }) {
  const leftMs = Date.parse(at) - useNow(10_000);
  return (
    <>
      {" "}
      {leftMs > 0 ? `It opens in ${formatDuration(leftMs / 1000)}, at ` : "It opened at "}
      <Moment at={at} />.
    </>
  );
}
