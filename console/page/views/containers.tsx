/** The host's own containers: how they do, what they print as they print it, and terminals in them. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { HostContainersBody } from "../../../api/host-containers.ts";
import type { ConsoleView, LogPart, Viewer } from "../../view.ts";
import { ConcernList } from "../concern-list.tsx";
import { Card, Empty, Facts, Pill } from "../../../web/page/parts.tsx";
import { hindrance } from "../permission.ts";
import { TerminalBox } from "./terminal.tsx";

export function ContainersView({ view }: { view: ConsoleView }) {
  const { containers, viewer } = view;
  if (containers === undefined) return <Empty>Asking the host …</Empty>;
  return (
    <>
      <ConcernList view={view} route="containers" />
      {containers.length === 0 && <Empty>No host container is declared in the settings.</Empty>}
      {containers.map((container) => (
        <Container key={container.name} container={container} viewer={viewer} />
      ))}
    </>
  );
}

function Container({ container, viewer }: { container: HostContainersBody[number]; viewer: Viewer | undefined }) {
  const { name, enabled, superpowered, source, state, restarts, digest } = container;
  const [shown, setShown] = useState<"log" | "terminal">();
  const isRunning = state.startsWith("active");
  const mayRead = hindrance(viewer, "operator", false);
  const mayRun = hindrance(viewer, "admin") ?? (isRunning ? undefined : "it does not run");
  const toggle = (part: "log" | "terminal"): void => setShown(shown === part ? undefined : part);
  return (
    <Card
      title={name}
      aside={<Pill tone={!enabled ? "quiet" : isRunning ? "good" : "broken"}>{enabled ? state : "off"}</Pill>}
    >
      <Facts
        rows={[
          ["Image", source ?? "none"],
          ...(digest === undefined ? [] : [["Digest", <code>{digest}</code>] as const]),
          ["Restarts", String(restarts)],
          ["Powers", superpowered ? "superpowered: may do everything on the host" : "confined"],
        ]}
      />
      <div class="row">
        <button
          type="button"
          aria-expanded={shown === "log"}
          disabled={mayRead !== undefined}
          title={mayRead}
          onClick={() => toggle("log")}
        >
          Log
        </button>
        <button
          type="button"
          aria-expanded={shown === "terminal"}
          disabled={mayRun !== undefined}
          title={mayRun}
          onClick={() => toggle("terminal")}
        >
          Terminal
        </button>
        {mayRun !== undefined && enabled && <span class="fine">Terminal: {mayRun}</span>}
      </div>
      {shown === "log" && <Log name={name} />}
      {shown === "terminal" && <TerminalBox name={name} />}
    </Card>
  );
}

/** What a page remembers of a log. */
const linesMost = 5_000;

function Log({ name }: { name: string }) {
  const [lines, setLines] = useState<readonly string[]>([]);
  const [reason, setReason] = useState<string>();
  const [follows, setFollows] = useState(true);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const events = new EventSource(`log?name=${encodeURIComponent(name)}`);
    events.onopen = () => setLines([]);
    events.onmessage = ({ data }: MessageEvent<string>) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `server/log-follower.ts` sends
      const part = JSON.parse(data) as LogPart;
      setReason(part.reason);
      setLines((before) => [...before, ...part.lines].slice(-linesMost));
    };
    return () => events.close();
  }, [name]);
  useEffect(() => {
    if (follows && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, follows]);
  return (
    <>
      <label>
        <input type="checkbox" checked={follows} onChange={({ currentTarget }) => setFollows(currentTarget.checked)} />{" "}
        Follow
      </label>
      {reason !== undefined && <p class="warning">{reason}</p>}
      <pre class="log" ref={box} tabIndex={0} role="log" aria-label={`what ${name} printed`}>
        {lines.length === 0 ? "nothing yet" : lines.join("\n")}
      </pre>
    </>
  );
}
