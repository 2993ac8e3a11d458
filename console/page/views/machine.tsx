/** How full the machine is: file systems now, memory and what waited over the last hour. */
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import type { UsageSample } from "../../../api/machine-view.ts";
import type { ConsoleView } from "../../view.ts";
import { ConcernList } from "../concern-list.tsx";
import { Card, Empty, Facts, Pill } from "../../../web/page/parts.tsx";
import { bytesText } from "../../../web/page/texts.ts";
import { Fullness } from "./overview.tsx";

export function MachineView({ view }: { view: ConsoleView }) {
  const { usage, status } = view;
  return (
    <>
      <ConcernList view={view} route="machine" />
      {usage === null && <Empty>This host is older than this client, and keeps no such figures.</Empty>}
      {usage !== undefined && usage !== null && (
        <>
          <Card title="File systems">
            <Facts rows={usage.fileSystems.map((each) => [each.path, <Fullness {...each} />])} />
          </Card>
          <Card title="Memory, the last hour" aside={<span class="fine">of {bytesText(usage.memoryBytes)}</span>}>
            <Plot samples={usage.samples} series={memorySeries} most={usage.memoryBytes / 1024 ** 2} unit=" MiB" />
          </Card>
          <Card
            title="Pressure, the last hour"
            aside={<span class="fine">share of the time in which something waited</span>}
          >
            <Plot samples={usage.samples} series={pressureSeries} most={undefined} unit=" %" />
          </Card>
        </>
      )}
      {status?.node !== undefined && (
        <Card
          title="Node"
          aside={<Pill tone={status.node.ready ? "good" : "broken"}>{status.node.ready ? "ready" : "not ready"}</Pill>}
        >
          <p>{status.node.name}</p>
          <ul>
            {status.node.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

type Series = { label: string; color: string; read: (sample: UsageSample) => number | null };

const memorySeries: readonly Series[] = [
  { label: "used", color: "--plot-1", read: ({ memoryUsedBytes }) => memoryUsedBytes / 1024 ** 2 },
];
const pressureSeries: readonly Series[] = [
  { label: "processors", color: "--plot-1", read: ({ pressure }) => pressure.cpu ?? null },
  { label: "memory", color: "--plot-2", read: ({ pressure }) => pressure.memory ?? null },
  { label: "disks", color: "--plot-3", read: ({ pressure }) => pressure.io ?? null },
];

type PlotProps = { samples: readonly UsageSample[]; series: readonly Series[]; most: number | undefined; unit: string };

function Plot({ samples, series, most, unit }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = box.current;
    if (place === null || samples.length === 0) return undefined;
    const data: UPlot.AlignedData = [
      samples.map(({ at }) => Date.parse(at) / 1000),
      ...series.map(({ read }) => samples.map(read)),
    ];
    const plot = new UPlot(optionsFor(place, series, most, unit), data, place);
    const resized = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: heightPx }));
    resized.observe(place);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [samples, series, most, unit]);
  const last = samples.at(-1);
  const words = series.map(({ label, read }) => `${label} ${shown(last === undefined ? null : read(last), unit)}`);
  return (
    <>
      <div ref={box} class="plot" aria-hidden="true" />
      <p class="legend">
        {series.map(({ label, color }, at) => (
          <span key={label}>
            <span class={`swatch ${color.slice(2)}`} aria-hidden="true" /> {words[at]}
          </span>
        ))}
      </p>
    </>
  );
}

const heightPx = 180;

const shown = (value: number | null, unit: string): string =>
  value === null ? "not known" : `${Math.round(value * 10) / 10}${unit}`;

function optionsFor(
  place: HTMLElement,
  series: readonly Series[],
  most: number | undefined,
  unit: string,
): UPlot.Options {
  const style = getComputedStyle(place);
  const ink = style.getPropertyValue("--quiet").trim();
  const grid = { stroke: style.getPropertyValue("--line").trim(), width: 1 };
  const axis = { stroke: ink, grid, ticks: grid, font: "12px system-ui, sans-serif" };
  return {
    width: place.clientWidth,
    height: heightPx,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _least, top) => [0, most ?? Math.max(5, top * 1.2)] } },
    axes: [axis, { ...axis, size: 78, values: (_plot, values) => values.map((value) => `${value}${unit}`) }],
    series: [
      {},
      ...series.map(({ label, color }) => ({ label, stroke: style.getPropertyValue(color).trim(), width: 2 })),
    ],
  };
}
