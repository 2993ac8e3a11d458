/** When the parts of this boot began, how long each took, and which ones the end of it waited for. */
import type { BootTimeline } from "../../../api/machine-view.ts";
import type { ConsoleView } from "../../view.ts";
import { ConcernList } from "../concern-list.tsx";
import { Card, Empty, Pill, type Tone } from "../../../web/page/parts.tsx";
import { formatDuration } from "../../../web/page/texts.ts";

type Bar = {
  name: string;
  startedSeconds?: number | undefined;
  tookSeconds?: number | undefined;
  tone: Tone;
  isCritical?: boolean;
};

/** Shorter ones are many and tell little. */
const leastSeconds = 0.05;

export function BootView({ view }: { view: ConsoleView }) {
  const { boot, status } = view;
  return (
    <>
      <ConcernList view={view} route="boot" />
      {status !== undefined && <Steps status={status} />}
      {boot === null ? (
        <Empty>This host is older than this client, and keeps no timeline.</Empty>
      ) : boot === undefined ? (
        <Empty>Asking the host …</Empty>
      ) : (
        <Timeline boot={boot} />
      )}
    </>
  );
}

const toneOf: Record<string, Tone> = {
  done: "good",
  skipped: "quiet",
  failed: "broken",
  running: "attention",
  waiting: "quiet",
};

function Steps({ status }: { status: NonNullable<ConsoleView["status"]> }) {
  const { boot, bootstrap = [] } = status;
  const rows = [
    ...boot.map(({ step, state }) => ({ name: step, state })),
    ...bootstrap.map(({ kind, name, mode, essential, state }) => ({
      name: `bootstrap ${kind} ${name} (${essential ? `${mode}, essential` : mode})`,
      state,
    })),
  ];
  return (
    <Card title="Steps">
      <ol class="steps">
        {rows.map(({ name, state }) => (
          <li key={name}>
            <Pill tone={toneOf[state] ?? "quiet"}>{state}</Pill> {name}
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Timeline({ boot }: { boot: BootTimeline }) {
  const { phases, steps, units, criticalPath, finishedSeconds, unknown } = boot;
  const critical = new Set(criticalPath);
  const shown = units.filter(({ name, tookSeconds = 0 }) => critical.has(name) || tookSeconds >= leastSeconds);
  const bars: { title: string; bars: Bar[] }[] = [
    { title: "Phases", bars: phases.map((phase) => ({ ...phase, tone: "quiet" as const })) },
    {
      title: "Steps of the daemon",
      bars: steps.map(({ step, state, ...span }) => ({ name: step, ...span, tone: toneOf[state] ?? "quiet" })),
    },
    {
      title: `Units that took ${leastSeconds * 1000} ms or were waited for, ${shown.length} of ${units.length}`,
      bars: shown.map(({ name, state, ...span }) => ({
        name,
        ...span,
        tone: state === "failed" ? "broken" : critical.has(name) ? "attention" : "good",
        isCritical: critical.has(name),
      })),
    },
  ];
  const all = bars.flatMap((group) => group.bars);
  const from = Math.min(0, ...all.map(({ startedSeconds = 0 }) => startedSeconds));
  // The daemon may have started again days later: the boot keeps the whole line.
  const to =
    finishedSeconds ??
    Math.max(1, ...all.map(({ startedSeconds = 0, tookSeconds = 0 }) => startedSeconds + tookSeconds));
  return (
    <Card
      title="Timeline"
      aside={
        <span class="fine">
          {finishedSeconds === undefined
            ? "not finished yet"
            : `finished after ${formatDuration(finishedSeconds - from)}`}
        </span>
      }
    >
      {unknown.map((sentence) => (
        <p key={sentence} class="fine">
          {sentence}
        </p>
      ))}
      {criticalPath.length > 0 && (
        <p>
          <span class="pill attention">critical</span> {criticalPath.join(" → ")}
        </p>
      )}
      {bars
        .filter((group) => group.bars.length > 0)
        .map((group) => (
          <BarTable key={group.title} title={group.title} bars={group.bars} from={from} to={to} />
        ))}
    </Card>
  );
}

function BarTable({ title, bars, from, to }: { title: string; bars: readonly Bar[]; from: number; to: number }) {
  return (
    <table class="bars">
      <caption>{title}</caption>
      <colgroup>
        <col class="names" />
        <col />
        <col class="amounts" />
      </colgroup>
      <thead class="unseen">
        <tr>
          <th>Name</th>
          <th>Began</th>
          <th>Took</th>
        </tr>
      </thead>
      <tbody>
        {bars.map(({ name, startedSeconds, tookSeconds, tone, isCritical = false }) => (
          <tr key={name} class={isCritical ? "critical" : ""}>
            <th scope="row">{name}</th>
            <td
              class="track"
              title={startedSeconds === undefined ? "not yet" : `began at ${startedSeconds.toFixed(2)} s`}
            >
              <Track bar={{ name, startedSeconds, tookSeconds, tone }} from={from} to={to} />
            </td>
            <td class="amount">{tookSeconds === undefined ? "" : formatDuration(tookSeconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Track({ bar: { startedSeconds, tookSeconds, tone }, from, to }: { bar: Bar; from: number; to: number }) {
  if (startedSeconds === undefined) return <span class="unseen">not yet</span>;
  if (startedSeconds >= to) return <span class="fine later">after the boot, at {formatDuration(startedSeconds)}</span>;
  const percent = (seconds: number): string => `${((100 * seconds) / (to - from)).toFixed(3)}%`;
  const shown = Math.min(tookSeconds ?? to, to - startedSeconds);
  return (
    <>
      <span class="unseen">{startedSeconds.toFixed(2)} s</span>
      <span class={`bar ${tone}`} style={{ left: percent(startedSeconds - from), width: percent(shown) }} />
    </>
  );
}
