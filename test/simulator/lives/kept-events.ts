/** What happens in a simulated life of what a host keeps, as data: made from a seed, printed when a run fails. */
import { Random } from "../random.ts";

export type KeptEvent =
  | { kind: "set"; motd: string }
  /** The same on trial, for so long. */
  | { kind: "try"; motd: string; seconds: number }
  | { kind: "confirm" | "revert" }
  /** Time passes; a trial whose time is over ends. */
  | { kind: "wait"; seconds: number }
  /** The clock is so many hours wrong from then on. */
  | { kind: "step-clock"; hours: number }
  /** Boot parameters for which the machine reboots once. */
  | { kind: "set-parameters"; level: number }
  /** The host shows its certificate, which it makes when it has none. */
  | { kind: "open-remote" }
  | { kind: "restart-daemon" }
  | { kind: "reboot" }
  | { kind: "kill-daemon"; after: number }
  | { kind: "cut-power"; after: number; seed: number };

export type KeptScenario = { seed: number; events: KeptEvent[] };

const eventsPerLife = 30;
/** What an event takes, at most. */
const operationsOfAnEvent = 14;

export function keptScenarioOf(seed: number): KeptScenario {
  const random = new Random(seed);
  return { seed, events: Array.from({ length: eventsPerLife }, (_, index) => eventOf(random, index)) };
}

function eventOf(random: Random, index: number): KeptEvent {
  const kind = random.weighted<KeptEvent["kind"]>({
    set: 3,
    try: 8,
    confirm: 5,
    revert: 3,
    wait: 4,
    "step-clock": 3,
    "set-parameters": 2,
    "open-remote": 2,
    "restart-daemon": 2,
    reboot: 2,
    "kill-daemon": 3,
    "cut-power": 7,
  });
  switch (kind) {
    case "set":
      return { kind, motd: `set by event ${index}` };
    case "try":
      return { kind, motd: `tried by event ${index}`, seconds: random.integer(10, 300) };
    case "wait":
      return { kind, seconds: random.integer(1, 300) };
    case "step-clock":
      return { kind, hours: random.chance(40) ? 0 : random.integer(-24, 24) };
    case "set-parameters":
      return { kind, level: random.integer(0, 3) };
    case "kill-daemon":
      return { kind, after: random.integer(0, operationsOfAnEvent) };
    case "cut-power":
      return { kind, after: random.integer(0, operationsOfAnEvent), seed: random.seed() };
    default:
      return { kind };
  }
}
