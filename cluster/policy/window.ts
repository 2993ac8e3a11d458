/**
 * When a node may begin: days, a time and a length in some time zone, or a cron expression.
 *
 * A window belongs to the day on which it opens and may end on the next. Where clocks are put forward over its start, it
 * opens at the first moment after; where they are put back, it opens once.
 */
import { Cron } from "croner";
import { z } from "zod";
import { messageOf } from "../../lib/failure.ts";
import { parseDuration } from "../../lib/duration.ts";

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const timeZone = z.string().refine(isTimeZone, "a time zone such as Europe/Berlin or UTC").default("UTC");
const length = z.string().regex(/^\d{1,4}[mhd]$/, "a time such as 90m or 4h");

export const WindowSpec = z.union([
  z.strictObject({
    /** Without any, every day. */
    days: z.array(z.enum(days)).default([...days]),
    start: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time such as 02:30"),
    length,
    timeZone,
  }),
  z.strictObject({
    /** 5 to 7 fields: seconds may stand before, a year behind. The window opens at each of its times. */
    cron: z.string().superRefine((text, context) => {
      const fault = cronFault(text);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    }),
    length,
    timeZone,
  }),
]);

export type WindowSpec = z.infer<typeof WindowSpec>;

/** Open until some time, or shut until the next opening; no opening is left when `opensAt` is undefined. */
export type WindowState = { open: true; closesAt: Date | undefined } | { open: false; opensAt: Date | undefined };

export function windowState(windows: readonly WindowSpec[], now: Date): WindowState {
  if (windows.length === 0) return { open: true, closesAt: undefined };
  const crons = windows.map((window) => ({ cron: cronOf(window), lengthMs: parseDuration(window.length) * 1000 }));
  const closes = crons.flatMap(({ cron, lengthMs }) => {
    // The last opening that could still be open: the first one after it would have closed by now.
    const [opened] = cron.previousRuns(1, new Date(now.getTime() + 1));
    return opened !== undefined && opened.getTime() + lengthMs > now.getTime() ? [opened.getTime() + lengthMs] : [];
  });
  if (closes.length > 0) return { open: true, closesAt: new Date(Math.max(...closes)) };
  const opens = crons.flatMap(({ cron }) => cron.nextRun(now)?.getTime() ?? []);
  return { open: false, opensAt: opens.length === 0 ? undefined : new Date(Math.min(...opens)) };
}

/** A window that a person wrote may open each second. */
const mostOpenings = 200;

/** Windows that are open at some time between the two, in the order in which they open; what overlaps is one. */
export function openings(windows: readonly WindowSpec[], from: Date, until: Date): { opensAt: Date; closesAt: Date }[] {
  const all = windows.flatMap((window) => {
    const lengthMs = parseDuration(window.length) * 1000;
    const cron = cronOf(window);
    const [before] = cron.previousRuns(1, new Date(from.getTime() + 1));
    const starts = [...(before === undefined ? [] : [before]), ...cron.nextRuns(mostOpenings, from)];
    return starts.map((opensAt) => ({ opensAt, closesAt: new Date(opensAt.getTime() + lengthMs) }));
  });
  const merged: { opensAt: Date; closesAt: Date }[] = [];
  for (const each of all.toSorted((a, b) => a.opensAt.getTime() - b.opensAt.getTime())) {
    const last = merged.at(-1);
    if (each.closesAt <= from || each.opensAt >= until) continue;
    if (last === undefined || each.opensAt > last.closesAt) merged.push({ ...each });
    else if (each.closesAt > last.closesAt) last.closesAt = each.closesAt;
  }
  return merged;
}

function cronOf(window: WindowSpec): Cron {
  if ("cron" in window) return new Cron(window.cron, { timezone: window.timeZone });
  const [hour, minute] = window.start.split(":").map(Number);
  return new Cron(`${minute} ${hour} * * ${window.days.join(",")}`, { timezone: window.timeZone });
}

function cronFault(text: string): string | undefined {
  try {
    new Cron(text);
    return undefined;
  } catch (error) {
    return `a cron expression of 5 to 7 fields: ${messageOf(error)}`;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
