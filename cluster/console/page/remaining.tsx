/** A moment with how long it is until then, by the time of the fleet. */
import { Moment } from "../../../web/page/parts.tsx";
import { formatDuration } from "../../../web/page/texts.ts";

export function Remaining({ at, nowMs }: { at: string; nowMs: number }) {
  const leftMs = Date.parse(at) - nowMs;
  return (
    <>
      {leftMs > 0 ? `in ${formatDuration(Math.ceil(leftMs / 1000))}` : "now"} · <Moment at={at} />
    </>
  );
}
