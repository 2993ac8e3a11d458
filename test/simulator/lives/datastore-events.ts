/** What happens in a simulation, as data: made from a seed, printed when a run fails, and left out to find the cause. */
import type { Json } from "../../../lib/text/json.ts";
import type { StoreSize } from "../../../host/datastore/log/limits.ts";
import { Random } from "../random.ts";
import type { DiskErrorCode } from "../media/disk.ts";

/** Null deletes. */
export type StagedChange = readonly [key: string, value: Json];

export type Event =
  | { kind: "stage"; transaction: string; changes: StagedChange[] }
  /** All at once. */
  | { kind: "commit"; transactions: string[] }
  | { kind: "drop"; transaction: string }
  /** Takes back, or returns to, the version that is so many known versions old. */
  | { kind: "undo" | "restore"; age: number }
  | { kind: "mark-good-boot" }
  | { kind: "look-back" }
  | { kind: "restart" }
  /** The clock is so many hours wrong from then on. */
  | { kind: "step-clock"; hours: number }
  | { kind: "cut-power"; after: number; seed: number }
  | { kind: "refuse"; after: number; times: number; code: DiskErrorCode }
  | { kind: "fill-disk"; freeBytes: number }
  | { kind: "free-disk" }
  | { kind: "damage"; seed: number; how: Damage };

/** "shorten", "remove" and "bad-sector" take the knowledge of how much was lost with them. */
export type Damage = "flip-bits" | "overwrite" | "zero" | "shorten" | "remove" | "bad-sector";

/** "power": nothing but power losses; "errors": the disk also refuses; "damage": bytes change behind the store. */
export type Mode = "power" | "errors" | "damage";

export type Scenario = { seed: number; mode: Mode; size: StoreSize; events: Event[] };

const transactions = ["default", "bottlerocket-launch", "apiclient-set-1"] as const;
const keys = [
  "motd",
  "ntp.time-servers",
  "kernel.lockdown",
  'kubernetes.node-labels."my.label/é"',
  "dns",
  "pki.x.data",
];
const eventsPerScenario = 50;

const usual = {
  stage: 30,
  commit: 30,
  "mark-good-boot": 4,
  restart: 4,
  undo: 4,
  restore: 4,
  drop: 2,
  "look-back": 3,
  "step-clock": 3,
};
const weights = {
  power: { ...usual, "cut-power": 12 },
  errors: { ...usual, "cut-power": 6, refuse: 10, "fill-disk": 3, "free-disk": 3 },
  damage: { ...usual, "cut-power": 3, damage: 8 },
} as const satisfies Record<Mode, Partial<Record<Event["kind"], number>>>;

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const mode = random.weighted({ power: 5, errors: 3, damage: 2 });
  const size = {
    storeBytes: random.pick([6_000, 30_000, 200_000]),
    segmentBytes: random.pick([300, 1_500, 6_000]),
    segments: random.pick([3, 8, 40]),
  };
  const events = Array.from({ length: eventsPerScenario }, () => eventOf(random, mode));
  return { seed, mode, size, events };
}

function eventOf(random: Random, mode: Mode): Event {
  const kind = random.weighted<Event["kind"]>({ ...none, ...weights[mode] });
  switch (kind) {
    case "stage":
      return { kind, transaction: random.pick(transactions), changes: changesOf(random) };
    case "commit":
      return { kind, transactions: random.chance(70) ? [random.pick(transactions)] : [...transactions] };
    case "drop":
      return { kind, transaction: random.pick(transactions) };
    case "undo":
    case "restore":
      return { kind, age: random.integer(0, 6) };
    case "cut-power":
      return { kind, after: random.integer(0, 12), seed: random.seed() };
    case "refuse":
      return { kind, after: random.integer(0, 6), times: random.integer(1, 5), code: random.pick(["EIO", "ENOSPC"]) };
    case "fill-disk":
      return { kind, freeBytes: random.integer(0, 8_192) };
    case "damage":
      return { kind, seed: random.seed(), how: random.pick(damages) };
    case "step-clock":
      return { kind, hours: random.integer(-24 * 366, 24 * 366) };
    case "mark-good-boot":
    case "look-back":
    case "restart":
    case "free-disk":
      return { kind };
  }
}

const none: Record<Event["kind"], number> = {
  stage: 0,
  commit: 0,
  drop: 0,
  undo: 0,
  restore: 0,
  "mark-good-boot": 0,
  "look-back": 0,
  restart: 0,
  "step-clock": 0,
  "cut-power": 0,
  refuse: 0,
  "fill-disk": 0,
  "free-disk": 0,
  damage: 0,
};

const damages: readonly Damage[] = [
  "flip-bits",
  "flip-bits",
  "flip-bits",
  "overwrite",
  "zero",
  "shorten",
  "remove",
  "bad-sector",
];

function changesOf(random: Random): StagedChange[] {
  return Array.from(
    { length: random.integer(1, 4) },
    () => [`settings.${random.pick(keys)}`, valueOf(random)] as const,
  );
}

function valueOf(random: Random): Json {
  switch (random.weighted({ delete: 2, text: 5, list: 2, number: 2, long: 1 })) {
    case "delete":
      return null;
    case "text":
      return `text ${random.integer(0, 999)} "é\n`;
    case "list":
      return [`pool-${random.integer(0, 99)}.example`, `${random.integer(0, 9)}.example`];
    case "number":
      return random.integer(-5, 5);
    case "long":
      return "x".repeat(random.integer(500, 2_500));
  }
}
