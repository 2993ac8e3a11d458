import { expect, test } from "bun:test";
import { FleetPolicySpec } from "./fleet-policy.ts";
import { WindowSpec, windowState } from "./window.ts";

const night = WindowSpec.parse({ days: ["Mon", "Tue"], start: "22:00", length: "6h", timeZone: "Europe/Berlin" });
const at = (text: string): Date => new Date(text);

test("without windows it is always open", () => {
  expect(windowState([], at("2026-12-01T12:00:00Z"))).toEqual({ open: true, closesAt: undefined });
});

test("a window belongs to the day on which it opens, in its own time zone", () => {
  // 2026-11-30 is a Monday; Berlin is an hour ahead of UTC.
  expect(windowState([night], at("2026-11-30T20:59:59Z"))).toEqual({
    open: false,
    opensAt: at("2026-11-30T21:00:00Z"),
  });
  expect(windowState([night], at("2026-11-30T21:00:00Z"))).toEqual({
    open: true,
    closesAt: at("2026-12-01T03:00:00Z"),
  });
  expect(windowState([night], at("2026-12-02T02:59:59Z")).open).toBe(true);
  expect(windowState([night], at("2026-12-02T03:00:00Z"))).toEqual({
    open: false,
    opensAt: at("2026-12-07T21:00:00Z"),
  });
});

test("where clocks change, a window opens once and lasts as long as it says", () => {
  // Clocks go from 2:00 to 3:00 on 2026-03-29 and from 3:00 to 2:00 on 2026-10-25 in Berlin.
  const early = WindowSpec.parse({ start: "02:30", length: "1h", timeZone: "Europe/Berlin" });
  const openMinutes = (from: string): number[] =>
    Array.from({ length: 24 * 60 }, (_, minute) => minute).filter(
      (minute) => windowState([early], new Date(at(from).getTime() + minute * 60_000)).open,
    );
  for (const day of ["2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z", "2026-06-01T12:00:00Z"]) {
    const minutes = openMinutes(day);
    expect([day, minutes.length, (minutes.at(-1) ?? 0) - (minutes[0] ?? 0)]).toEqual([day, 60, 59]);
  }
});

test("a cron expression opens it at each of its times, brupop's seven fields too", () => {
  const cron = WindowSpec.parse({ cron: "0 0 3 * * MON 2026-2030", length: "90m" });
  expect(windowState([cron], at("2026-11-30T04:29:00Z")).open).toBe(true);
  expect(windowState([cron], at("2026-11-30T04:30:00Z"))).toEqual({ open: false, opensAt: at("2026-12-07T03:00:00Z") });
  const past = WindowSpec.parse({ cron: "0 0 3 1 1 * 2020", length: "1h" });
  expect(windowState([past], at("2026-11-30T04:30:00Z"))).toEqual({ open: false, opensAt: undefined });
});

test("of several windows the longest that is open counts", () => {
  const windows = [night, WindowSpec.parse({ start: "23:00", length: "30m" })];
  expect(windowState(windows, at("2026-11-30T23:10:00Z"))).toEqual({
    open: true,
    closesAt: at("2026-12-01T03:00:00Z"),
  });
});

test("what people write is refused where it is wrong, and has defaults", () => {
  const issues = (spec: unknown): string => FleetPolicySpec.safeParse(spec).error?.message ?? "";
  expect(issues({ windows: [{ start: "25:00", length: "1h" }] })).toContain("a time such as 02:30");
  expect(issues({ windows: [{ start: "02:00", length: "1h", timeZone: "Mars/Base" }] })).toContain("Europe/Berlin");
  expect(issues({ windows: [{ cron: "61 * * * *", length: "1h" }] })).toContain("a cron expression of 5 to 7 fields");
  expect(issues({ maxUnavailable: "0%" })).toContain("a share such as 10%");
  expect(issues({ drain: { timeout: "forever" } })).toContain("a time such as 90s");
  expect(issues({ maxUnavailble: 1 })).toContain("maxUnavailble");
  const gate = { name: "web", daemonSets: {} };
  expect(issues({ soak: { gates: [gate, gate] } })).toContain("gates with names of their own");
  expect(FleetPolicySpec.parse({}).drain).toEqual({ timeout: 1_800_000, volumes: "wait", retryAfter: 3_600_000 });
});
