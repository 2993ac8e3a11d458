/** Who changed what and when, newest first; each change of settings can be taken back. */
import { useState } from "preact/hooks";
import type { Applied, ExecutedBody, HistoryBody, OrderedBody } from "../../../api/answers.ts";
import { authorText } from "../../../api/author-text.ts";
import type { ConsoleView, Viewer } from "../../view.ts";
import { Action } from "../action.tsx";
import { call } from "../calls.ts";
import { Card, Empty, Moment, Pill } from "../../../web/page/parts.tsx";
import { ChangeTable, Outcome } from "./changes.tsx";

export function HistoryView({ view: { history, viewer, status } }: { view: ConsoleView }) {
  const [applied, setApplied] = useState<Applied>();
  if (history === undefined) return <Empty>Asking the host …</Empty>;
  if (history.length === 0) return <Empty>Nobody has changed a setting yet.</Empty>;
  const good = status?.settings.lastGoodBoot?.version;
  return (
    <>
      {applied !== undefined && <Outcome applied={applied} />}
      <ol class="history">
        {history.map((entry) => (
          <li key={entry.hash}>
            <Entry entry={entry} viewer={viewer} goodVersion={good} undone={setApplied} />
          </li>
        ))}
      </ol>
    </>
  );
}

type EntryProps = {
  entry: HistoryBody[number];
  viewer: Viewer | undefined;
  goodVersion: number | undefined;
  undone: (applied: Applied) => void;
};

function Entry({ entry, viewer, goodVersion, undone }: EntryProps) {
  if ("exec" in entry) return <Executed entry={entry} />;
  if ("order" in entry) return <Ordered entry={entry} />;
  const { version, changes, says: message } = entry;
  return (
    <Card
      title={`Version ${version}: ${message}`}
      aside={
        changes.length > 0 && (
          <Action
            viewer={viewer}
            role="admin"
            confirm={`Take back what version ${version} changed?`}
            perform={async () => undone(await call("undo", { query: { version: String(version), wait: "1" } }))}
          >
            Undo
          </Action>
        )
      }
    >
      <p class="fine">
        {authorText(entry.by)} · <Moment at={entry.at} /> · image {entry.image}
        {version === goodVersion && (
          <>
            {" "}
            · <Pill tone="good">last good boot</Pill>
          </>
        )}
      </p>
      <ChangeTable changes={changes} />
    </Card>
  );
}

function Executed({ entry: { at, by, image, exec } }: { entry: ExecutedBody }) {
  return (
    <Card title={`Ran ${exec.command.join(" ")} in ${exec.container}`}>
      <p class="fine">
        {authorText(by)}
        {exec.terminal ? ", with a terminal" : ""} · <Moment at={at} /> · image {image}
      </p>
    </Card>
  );
}

function Ordered({ entry: { at, image, order } }: { entry: OrderedBody }) {
  const deed = { prepare: "prepare", "reboot-into": "reboot into", "go-back": "go back to" }[order.do];
  return (
    <Card title={`Fleet: ${deed} ${order.version}: ${order.outcome}`}>
      <p class="fine">
        policy {order.by} · <Moment at={at} /> · image {image}
      </p>
    </Card>
  );
}
