/**
 * What a boot consisted of, and what it waited for: as `systemd-analyze` has it, with the steps of the daemon.
 *
 * Source: org.freedesktop.systemd1(5) for the properties; systemd's src/analyze/analyze-time-data.c for how firmware and boot
 * loader count back from the kernel, and analyze-critical-chain.c for the chain.
 */
import type { BootTimeline } from "../../api/machine-view.ts";
import { defined } from "../../lib/defined.ts";
import { Failure, messageOf } from "../../lib/failure.ts";
import type { System } from "../machine/system.ts";

export type TimedStep = {
  step: string;
  state: BootTimeline["steps"][number]["state"];
  /** By `System.clock.elapsedMs`. */
  startedMs?: number;
  tookMs?: number;
};

type Phase = BootTimeline["phases"][number];

/** A unit that was started in this boot. `after` are those that it had to wait for. */
type StartedUnit = { name: string; state: string; started: number; tookSeconds: number | undefined; after: string[] };

const limitMs = 10_000;
/** The one that a host boots to; `default.target` is another name of it. */
const lastTarget = "multi-user.target";

const managerProperties = [
  "FirmwareTimestampMonotonic",
  "LoaderTimestampMonotonic",
  "InitRDTimestampMonotonic",
  "UserspaceTimestampMonotonic",
  "FinishTimestampMonotonic",
] as const;
const unitProperties = [
  "Id",
  "ActiveState",
  "InactiveExitTimestampMonotonic",
  "ActiveEnterTimestampMonotonic",
  "ActiveExitTimestampMonotonic",
  "InactiveEnterTimestampMonotonic",
  "After",
] as const;

export async function bootTimelineOf(system: System, steps: readonly TimedStep[]): Promise<BootTimeline> {
  const own = steps.map(({ step, state, startedMs, tookMs }) => ({
    step,
    state,
    ...defined({ startedSeconds: secondsOf(startedMs), tookSeconds: secondsOf(tookMs) }),
  }));
  try {
    const manager = propertiesIn(await system.run(show(managerProperties), { limitMs }));
    const shown = await system.run([...show(unitProperties), "*"], { limitMs });
    const finished = microseconds(manager, "FinishTimestampMonotonic");
    const units = startedUnits(shown, finished);
    return {
      phases: phasesOf(manager),
      ...defined({ finishedSeconds: finished }),
      steps: own,
      units: units.map(({ name, state, started, tookSeconds }) => ({
        name,
        state,
        startedSeconds: started,
        ...defined({ tookSeconds }),
      })),
      criticalPath: criticalPath(units),
      unknown: units.length === 0 ? ["cannot tell when units started: systemd knows of none"] : [],
    };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const unknown = [`cannot tell when units started: ${messageOf(error)}`];
    return { phases: [], steps: own, units: [], criticalPath: [], unknown };
  }
}

const show = (properties: readonly string[]): [string, ...string[]] => [
  "systemctl",
  "show",
  `--property=${properties.join(",")}`,
];

function propertiesIn(paragraph: string): Map<string, string> {
  const lines = paragraph.split("\n").filter((line) => line.includes("="));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** In seconds; undefined for what has not happened, which systemd writes as 0. */
function microseconds(properties: ReadonlyMap<string, string>, name: string): number | undefined {
  const value = Number(properties.get(name) ?? "0");
  return Number.isFinite(value) && value > 0 ? value / 1e6 : undefined;
}

/** Of firmware and boot loader, systemd has how long before the kernel they began. */
function phasesOf(manager: ReadonlyMap<string, string>): Phase[] {
  const [firmware, loader, initrd, userspace, finished] = managerProperties.map((name) => microseconds(manager, name));
  const beginnings: [Phase["name"], number | undefined][] = [
    ["firmware", firmware === undefined ? undefined : -firmware],
    ["boot loader", loader === undefined ? undefined : -loader],
    ["kernel", userspace === undefined ? undefined : 0],
    ["initrd", initrd],
    ["userspace", userspace],
  ];
  const known = beginnings.flatMap(([name, at]) => (at === undefined ? [] : [{ name, at }]));
  return known.map(({ name, at }, index) => {
    const end = known[index + 1]?.at ?? finished;
    return { name, startedSeconds: at, ...(end === undefined ? {} : { tookSeconds: Math.max(0, end - at) }) };
  });
}

/** Those that began before the boot was done, by their beginning. */
function startedUnits(shown: string, finished: number | undefined): StartedUnit[] {
  const units = shown.split(/\n\n+/).flatMap((paragraph): StartedUnit[] => {
    const properties = propertiesIn(paragraph);
    const name = properties.get("Id") ?? "";
    const started = microseconds(properties, "InactiveExitTimestampMonotonic");
    if (name === "" || started === undefined || (finished !== undefined && started > finished)) return [];
    return [
      {
        name,
        state: properties.get("ActiveState") ?? "unknown",
        started,
        tookSeconds: tookSeconds(properties, started),
        after: (properties.get("After") ?? "").split(" ").filter((word) => word !== ""),
      },
    ];
  });
  return units.toSorted((a, b) => a.started - b.started);
}

/** Until it was active; a unit that does something and ends never is, so until it had ended. */
function tookSeconds(properties: ReadonlyMap<string, string>, started: number): number | undefined {
  const ends = ["ActiveEnterTimestampMonotonic", "ActiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic"];
  const end = ends.map((name) => microseconds(properties, name)).find((at) => at !== undefined && at >= started);
  return end === undefined ? undefined : end - started;
}

/** From the last target back, each time to the one that was waited for longest. */
function criticalPath(units: readonly StartedUnit[]): string[] {
  const byName = new Map(units.map((unit) => [unit.name, unit]));
  const endOf = ({ started, tookSeconds: took = 0 }: StartedUnit): number => started + took;
  const path: string[] = [];
  let unit = byName.get(lastTarget) ?? units.findLast(({ name }) => name.endsWith(".target"));
  while (unit !== undefined && !path.includes(unit.name)) {
    path.push(unit.name);
    const { started, after } = unit;
    const waitedFor = after.flatMap((name) => byName.get(name) ?? []).filter((each) => endOf(each) <= started + 1e-3);
    unit = waitedFor.toSorted((a, b) => endOf(a) - endOf(b)).at(-1);
  }
  return path.toReversed();
}

const secondsOf = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
