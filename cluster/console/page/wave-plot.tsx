/** To how many nodes a version is open by when, as steps, with the windows of the policy as bands behind them. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { WavePicture } from "../../picture/wave-picture.ts";
import type { WindowPicture } from "../../picture/window-picture.ts";

type WavePlotProps = { wave: WavePicture; windows: readonly WindowPicture[]; nowMs: number };

const height = 170;
const edge = { left: 56, right: 16, top: 10, bottom: 34 } as const;
const dayMs = 86_400_000;

export function WavePlot({ wave, windows, nowMs }: WavePlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const { current } = place;
    if (current === null) return;
    const measured = new ResizeObserver(() => setWidth(current.clientWidth));
    measured.observe(current);
    return () => measured.disconnect();
  }, []);
  const last = wave.opens.at(-1);
  if (last === undefined) return null;
  return (
    <div ref={place} class="plot">
      {width > 0 && <Steps wave={wave} windows={windows} nowMs={nowMs} width={width} endMs={Date.parse(last.at)} />}
    </div>
  );
}

function Steps({ wave, windows, nowMs, width, endMs }: WavePlotProps & { width: number; endMs: number }) {
  const spanMs = Math.max(60_000, (endMs - nowMs) * 1.04);
  const x = (ms: number): number =>
    edge.left + (Math.max(0, Math.min(spanMs, ms - nowMs)) / spanMs) * (width - edge.left - edge.right);
  const y = (nodes: number): number => height - edge.bottom - (nodes / wave.nodes) * (height - edge.top - edge.bottom);
  const begin = wave.runs + wave.open;
  const steps = wave.opens.map(({ at, open }) => `H${x(Date.parse(at)).toFixed(1)}V${y(open).toFixed(1)}`);
  const base = y(0);
  const line = `M${x(nowMs)},${y(begin)}${steps.join("")}H${width - edge.right}`;
  const label = `open to ${begin} of ${wave.nodes} nodes now, and to all ${wave.nodes} by ${when(endMs, spanMs)}`;
  return (
    <svg width={width} height={height} role="img" aria-label={label}>
      {windows.map(({ opensAt, closesAt }) => {
        const [from, until] = [x(Date.parse(opensAt)), x(Date.parse(closesAt))];
        return <rect key={opensAt} class="band" x={from} y={edge.top} width={until - from} height={base - edge.top} />;
      })}
      {[...new Set([0, Math.round(wave.nodes / 2), wave.nodes])].map((nodes) => (
        <g key={nodes}>
          <line class="rule" x1={edge.left} x2={width - edge.right} y1={y(nodes)} y2={y(nodes)} />
          <text class="end" x={edge.left - 8} y={y(nodes) + 4}>
            {nodes.toLocaleString()}
          </text>
        </g>
      ))}
      <path class="area" d={`${line}V${base}H${edge.left}Z`} />
      <path class="line" d={line} />
      {ticks(nowMs, spanMs, width).map((ms) => (
        <text key={ms} class="middle" x={x(ms)} y={height - 12}>
          {when(ms, spanMs)}
        </text>
      ))}
    </svg>
  );
}

function ticks(nowMs: number, spanMs: number, width: number): number[] {
  const count = Math.max(2, Math.min(7, Math.floor(width / 150)));
  return Array.from({ length: count }, (_, index) => nowMs + (spanMs * (index + 0.5)) / count);
}

/** In the zone and the language of the reader. */
function when(ms: number, spanMs: number): string {
  const options: Intl.DateTimeFormatOptions =
    spanMs > 2 * dayMs
      ? { weekday: "short", day: "numeric", month: "short" }
      : { weekday: "short", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(undefined, options).format(new Date(ms));
}
