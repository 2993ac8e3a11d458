/** What happened, and how long each part of an update took. */
import { useState } from "preact/hooks";
import { Card, Empty, Moment, Pill, type Tone } from "../../../../web/page/parts.tsx";
import { formatDuration } from "../../../../web/page/texts.ts";
import type { RecordedEvent } from "../../../../kubernetes/events.ts";
import type { PartSummary, TimedPart } from "../../../picture/update-parts.ts";
import { nodeAddress } from "../fleet-routes.ts";
import type { ShownFleet } from "../fleet-store.ts";

const partLabels: Record<TimedPart, string> = {
  drain: "Drain",
  reboot: "Reboot, until it is proved",
  soak: "Soak",
  whole: "Whole update",
};

/** More are on the page when somebody asks for them. */
const shownAtFirst = 100;

export function HistoryView({ fleet: { events, parts, nodes } }: { fleet: ShownFleet }) {
  const [count, setCount] = useState(shownAtFirst);
  if (nodes === undefined) return <Empty>Asking for the fleet …</Empty>;
  const newest = events.toReversed();
  return (
    <>
      {parts.length > 0 && (
        <Card title="How long each part took">
          <Parts parts={parts} />
        </Card>
      )}
      <Card
        title="What happened"
        aside={<span class="fine">the newest first; a cluster keeps events for an hour</span>}
      >
        {newest.length === 0 && <Empty>The operator has done nothing yet that is still known.</Empty>}
        <EventTable events={newest.slice(0, count)} />
        {newest.length > count && (
          <button type="button" onClick={() => setCount(count + 10 * shownAtFirst)}>
            Show older ones, of {newest.length.toLocaleString()}
          </button>
        )}
      </Card>
    </>
  );
}

function Parts({ parts }: { parts: readonly PartSummary[] }) {
  const longest = Math.max(...parts.map(({ longestMs }) => longestMs), 1);
  const time = (ms: number): string => formatDuration(ms / 1000);
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="How long each part took">
      <table class="parts">
        <thead>
          <tr>
            <th scope="col">Part</th>
            <th scope="col">Nodes</th>
            <th scope="col">Half</th>
            <th scope="col">Nine of ten</th>
            <th scope="col">Longest</th>
            <th scope="col" class="span">
              <span class="unseen">As a bar</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {parts.map(({ part, count, medianMs, ninthMs, longestMs, longestNode }) => (
            <tr key={part}>
              <th scope="row">{partLabels[part]}</th>
              <td>{count.toLocaleString()}</td>
              <td>{time(medianMs)}</td>
              <td>{time(ninthMs)}</td>
              <td>
                {time(longestMs)} <a href={nodeAddress(longestNode)}>{longestNode}</a>
              </td>
              <td class="span" aria-hidden="true">
                <Spread medianMs={medianMs} ninthMs={ninthMs} longestMs={longestMs} fullMs={longest} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type SpreadProps = Pick<PartSummary, "medianMs" | "ninthMs" | "longestMs"> & { fullMs: number };

function Spread({ medianMs, ninthMs, longestMs, fullMs }: SpreadProps) {
  const wide = (ms: number) => (element: HTMLElement | null) => {
    if (element !== null) element.style.width = `${(100 * ms) / fullMs}%`;
  };
  return (
    <span class="spread">
      <span class="longest" ref={wide(longestMs)} />
      <span class="ninth" ref={wide(ninthMs)} />
      <span class="median" ref={wide(medianMs)} />
    </span>
  );
}

const bad = ["Halted", "Failed", "GivenBack", "RollingBack", "Stopped"];

const toneOf = ({ reason }: RecordedEvent): Tone =>
  reason === "Halted" || reason === "Failed"
    ? "broken"
    : bad.includes(reason)
      ? "attention"
      : reason === "Updated"
        ? "good"
        : "quiet";

export function EventTable({ events }: { events: readonly RecordedEvent[] }) {
  if (events.length === 0) return null;
  return (
    <table class="events">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">About</th>
          <th scope="col">What</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <tr key={`${event.at} ${event.name} ${event.reason} ${event.message}`}>
            <td>
              <Moment at={event.at} />
            </td>
            <td>{event.kind === "Node" ? <a href={nodeAddress(event.name)}>{event.name}</a> : event.name}</td>
            <td>
              <Pill tone={toneOf(event)}>{event.reason}</Pill> {event.message}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
