/** Every setting with its meaning and value; a change is planned, tried for a while, or applied. */
import { useMemo, useState } from "preact/hooks";
import type { Applied } from "../../../api/answers.ts";
import type { ConsoleView } from "../../view.ts";
import { ConcernList } from "../concern-list.tsx";
import { useCatalogue } from "../console-view.ts";
import { Empty } from "../../../web/page/parts.tsx";
import { matching, meant, rowsOf, type SettingRow } from "../settings-search.ts";
import { valueText } from "../../../web/page/texts.ts";
import { Outcome } from "./changes.tsx";
import { Proposal } from "./proposal.tsx";
import { TrialBar } from "./trial.tsx";

/** More are not looked through by anybody: the search says how many there are. */
const rowsMost = 60;

export function SettingsView({ view }: { view: ConsoleView }) {
  const { status, settings, viewer } = view;
  const catalogue = useCatalogue();
  const [search, setSearch] = useState("");
  const [changes, setChanges] = useState<ReadonlyMap<string, string>>(new Map());
  const [applied, setApplied] = useState<Applied>();
  const rows = useMemo(() => (catalogue === undefined ? [] : rowsOf(catalogue, settings)), [catalogue, settings]);
  const found = useMemo(() => matching(rows, search), [rows, search]);
  const change = (key: string, text: string | undefined): void => {
    const next = new Map(changes);
    if (text === undefined) next.delete(key);
    else next.set(key, text);
    setChanges(next);
  };
  if (catalogue === undefined) return <Empty>Asking the host …</Empty>;
  return (
    <>
      {status?.trial !== undefined && <TrialBar trial={status.trial} viewer={viewer} />}
      <ConcernList view={view} route="settings" />
      {applied !== undefined && <Outcome applied={applied} />}
      {changes.size > 0 && (
        <Proposal
          view={view}
          changes={changes}
          withdraw={(key) => change(key, undefined)}
          done={(result) => {
            setApplied(result);
            setChanges(new Map());
          }}
        />
      )}
      <label class="search">
        Search settings{" "}
        <input
          type="search"
          value={search}
          placeholder="a name, a word of its meaning, a value"
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      </label>
      <Found rows={rows} found={found} search={search} choose={setSearch} change={change} />
    </>
  );
}

type FoundProps = {
  rows: readonly SettingRow[];
  found: readonly SettingRow[];
  search: string;
  choose: (key: string) => void;
  change: (key: string, text: string) => void;
};

function Found({ rows, found, search, choose, change }: FoundProps) {
  const guess = found.length === 0 ? meant(rows, search) : undefined;
  return (
    <>
      <p class="fine" role="status">
        {found.length === 0
          ? `No setting has "${search}" in it.`
          : `${found.length} settings${found.length > rowsMost ? `, the first ${rowsMost} of them` : ""}`}
        {guess !== undefined && (
          <>
            {" "}
            Did you mean{" "}
            <button type="button" class="link" onClick={() => choose(guess)}>
              {guess}
            </button>
            ?
          </>
        )}
      </p>
      <ul class="settings">
        {found.slice(0, rowsMost).map((row) => (
          <li key={row.key}>
            <Setting row={row} change={change} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Setting({
  row: { key, entry, value },
  change,
}: {
  row: SettingRow;
  change: (key: string, text: string) => void;
}) {
  const isPattern = key.includes("<");
  return (
    <details>
      <summary>
        <code class="key">{key}</code>
        <code class="value">
          {value === undefined ? (isPattern ? "a name of yours" : "not set") : valueText(value)}
        </code>
      </summary>
      <p>
        {entry.about} {entry.doc}
      </p>
      <p class="fine">
        Must be {entry.type}.{entry.default === undefined ? "" : ` Default: ${valueText(entry.default)}.`}
        {entry.example === undefined ? "" : ` Example: ${valueText(entry.example)}.`}
        {entry.secrecy === "open" ? "" : " Secret: this page never shows it."}
        {entry.inert === undefined ? "" : ` Has no effect: ${entry.inert}`}
      </p>
      <Editor settingKey={key} entry={entry} value={value} change={change} />
    </details>
  );
}

type EditorProps = {
  settingKey: string;
  entry: SettingRow["entry"];
  value: unknown;
  change: (key: string, text: string) => void;
};

function Editor({ settingKey, entry, value, change }: EditorProps) {
  const known =
    value === undefined || entry.secrecy !== "open" ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const [key, setKey] = useState(settingKey);
  const [text, setText] = useState(known);
  const submit = (event: Event): void => {
    event.preventDefault();
    change(key, text);
  };
  return (
    <form class="editor" onSubmit={submit}>
      {settingKey.includes("<") && (
        <label>
          Key <input value={key} onInput={({ currentTarget }) => setKey(currentTarget.value)} />
        </label>
      )}
      <label>
        New value{" "}
        {entry.values === undefined ? (
          <input
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
            autocomplete="off"
            spellcheck={false}
          />
        ) : (
          <select value={text} onChange={({ currentTarget }) => setText(currentTarget.value)}>
            <option value="">choose</option>
            {entry.values.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )}
      </label>
      <button type="submit" disabled={key.includes("<")}>
        Plan this
      </button>
    </form>
  );
}
