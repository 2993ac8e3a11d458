/** The windows of a policy as they open and close from now on. */
import { openings, type WindowSpec } from "../policy/window.ts";

/** RFC 3339. The one that is open now has its opening behind it. */
export type WindowPicture = { opensAt: string; closesAt: string };

const aheadMs = 14 * 86_400_000;

/** Null where there are no windows: nodes may begin at any time. */
export function windowPictures(windows: readonly WindowSpec[], now: Date): WindowPicture[] | null {
  if (windows.length === 0) return null;
  return openings(windows, now, new Date(now.getTime() + aheadMs)).map(({ opensAt, closesAt }) => ({
    opensAt: opensAt.toISOString(),
    closesAt: closesAt.toISOString(),
  }));
}
