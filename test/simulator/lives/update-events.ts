/** What happens in a simulated life of an update, as data: made from a seed, printed and shortened when it goes wrong. */
import { Random } from "../random.ts";
import type { ClockStep } from "../media/clock.ts";

/** How a release does when it is started for the first time. */
export type Fate =
  | "healthy"
  /** A unit takes some checks to come up, well within the time. */
  | "slow"
  /** It never comes far enough to say why. */
  | "panics"
  /** A unit is down, so that the gate never opens. */
  | "unhealthy"
  /** Somebody reboots it while it is on trial; then it is healthy. */
  | "rebooted-on-trial";

/** How a mirror answers until the next command that it is for: those that look, or those that read an image. */
export const lies = {
  down: "refresh",
  old: "refresh",
  flipped: "prepare",
  "flipped-kernel": "prepare",
  truncated: "prepare",
  /** Patches alone: the whole files are as they were signed. */
  "spoilt-patches": "prepare",
} as const;
export type Lie = keyof typeof lies;

export type UpdateEvent =
  /** Whatever comes next on the way to an update: refresh, prepare, activate, reboot. */
  | { kind: "go-on" }
  | { kind: "refresh" | "prepare" | "activate" | "deactivate" | "release" }
  | { kind: "publish" }
  | { kind: "reboot" }
  | { kind: "restart-daemon" }
  /** The daemon dies at an operation of the next command, and is started again. */
  | { kind: "kill-daemon"; after: number }
  /** A person goes back to the other set. */
  | { kind: "roll-back" }
  | { kind: "set"; key: "settings.motd" | "settings.name" | "settings.time"; value: number }
  | { kind: "lie"; how: Lie }
  /** A later write to a partition arrives with a wrong bit. */
  | { kind: "flip-bit"; after: number }
  /** The clock that people read is so many hours wrong, from the next command or start on, or in the middle of it. */
  | ({ kind: "step-clock" } & ClockStep)
  | { kind: "cut-power"; after: number; seed: number };

export type UpdateScenario = {
  seed: number;
  tries: number;
  fates: Fate[];
  /** Somebody asks for the next update while one is on trial. */
  impatient: boolean;
  events: UpdateEvent[];
};

const eventsPerLife = 40;
/** An update from the first look to the mark takes about so many operations. */
const operationsOfAnUpdate = 90;
/** And a start on trial, from the loader to the mark. */
const operationsOfAStart = 15;

export function updateScenarioOf(seed: number, releases: number): UpdateScenario {
  const random = new Random(seed);
  const fates = Array.from({ length: releases }, () =>
    random.weighted<Fate>({ healthy: 3, slow: 3, panics: 2, unhealthy: 2, "rebooted-on-trial": 1 }),
  );
  const events = Array.from({ length: eventsPerLife }, () => eventOf(random));
  return { seed, tries: random.chance(75) ? 1 : 2, fates, impatient: random.chance(30), events };
}

function eventOf(random: Random): UpdateEvent {
  const kind = random.weighted<UpdateEvent["kind"]>({
    "go-on": 24,
    refresh: 2,
    prepare: 2,
    activate: 2,
    deactivate: 2,
    release: 1,
    publish: 5,
    reboot: 2,
    "restart-daemon": 2,
    "kill-daemon": 4,
    "roll-back": 2,
    set: 5,
    lie: 8,
    "flip-bit": 1,
    "step-clock": 4,
    "cut-power": 9,
  });
  switch (kind) {
    case "set":
      return {
        kind,
        key: random.pick(["settings.motd", "settings.name", "settings.time"]),
        value: random.integer(0, 999),
      };
    case "lie":
      return {
        kind,
        how: random.weighted<Lie>({
          down: 1,
          old: 2,
          flipped: 1,
          "flipped-kernel": 2,
          truncated: 1,
          "spoilt-patches": 3,
        }),
      };
    case "step-clock":
      return { kind, hours: random.integer(-24, 24), afterSleeps: random.integer(0, 12) };
    case "flip-bit":
      return { kind, after: random.integer(0, 8) };
    case "kill-daemon":
      return { kind, after: random.integer(0, operationsOfAnUpdate) };
    case "cut-power":
      return {
        kind,
        after: random.integer(0, random.chance(50) ? operationsOfAStart : operationsOfAnUpdate),
        seed: random.seed(),
      };
    default:
      return { kind };
  }
}
