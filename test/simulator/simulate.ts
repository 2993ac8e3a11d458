/**
 * The simulator: many short lives of a part of the host on hardware that fails, each decided by a seed.
 *
 * `bun test/simulator/simulate.ts --seconds 20` lives all of them; a failure prints its seed and the shortest list of events that
 * leads to it. The long mode counts different crash states: `bun test/simulator/simulate.ts update --until-crash-states 10000`.
 */
import { setImmediate } from "node:timers/promises";
import { commandsWith, program, type Invocation, type Options } from "../../lib/command/command.ts";
import { runProgram } from "../../lib/command/command-line.ts";
import { defined } from "../../lib/defined.ts";
import { Failure } from "../../lib/failure.ts";
import { runScenario } from "./lives/datastore-life.ts";
import { scenarioOf, type Event } from "./lives/datastore-events.ts";
import { keptWorld, runKeptScenario, type KeptWorld } from "./lives/kept-life.ts";
import { keptScenarioOf, type KeptEvent } from "./lives/kept-events.ts";
import { shortest } from "./shrink.ts";
import { runUpdateScenario, type SeenMedia } from "./lives/update-life.ts";
import { updateScenarioOf, type UpdateEvent } from "./lives/update-events.ts";
import { updateWorld } from "./lives/update-world.ts";

/** Where to stop; whatever comes first. */
export type Until = { seconds?: number; lives?: number; crashStates?: number };

/** A life as its seed decides it; `setting` is what is decided beside the events. */
type Life<Event> = { setting: string; events: Event[] };
type Outcome = { crashStates: number; operations: number; failed?: { event: number; error: unknown } };

/** A part of the host that can be lived. */
type Subject<Event extends { kind: string }> = {
  name: string;
  lifeOf(seed: number): Life<Event>;
  live(seed: number): Promise<Outcome>;
  /** The same life with other events. */
  liveAgain(seed: number, events: Event[]): Promise<Outcome>;
  /** Different states among the crash states so far, where they are told apart. */
  distinct(): { crashStates: number; summary: string } | undefined;
};

export type SimulationReport = {
  subject: string;
  firstSeed: number;
  lives: number;
  crashStates: number;
  distinct?: { crashStates: number; summary: string };
  operations: number;
  seconds: number;
  failure?: { seed: number; message: string; stack: string } & Life<{ kind: string }>;
};

export function datastoreSubject(): Subject<Event> {
  return {
    name: "datastore",
    lifeOf(seed) {
      const { mode, size, events } = scenarioOf(seed);
      return { setting: `${mode}, ${JSON.stringify(size)}`, events };
    },
    live: async (seed) => await runScenario(scenarioOf(seed)),
    liveAgain: async (seed, events) => await runScenario({ ...scenarioOf(seed), events }),
    distinct: () => undefined,
  };
}

export async function updateSubject(): Promise<Subject<UpdateEvent> & AsyncDisposable> {
  const world = await updateWorld();
  const seen: SeenMedia = { media: new Set(), bootable: new Set() };
  const scenario = (seed: number) => updateScenarioOf(seed, world.releases.length);
  return {
    name: "update",
    lifeOf(seed) {
      const { tries, fates, impatient, events } = scenario(seed);
      const setting = `${tries} tries, ${impatient ? "impatient, " : ""}releases are ${fates.slice(1).join(", ")}`;
      return { setting, events };
    },
    live: async (seed) => await runUpdateScenario(world, scenario(seed), seen),
    async liveAgain(seed, events) {
      const nothingSeen = { media: new Set<string>(), bootable: new Set<string>() }; // looks at every state again
      return await runUpdateScenario(world, { ...scenario(seed), events }, nothingSeen);
    },
    distinct: () => ({
      crashStates: seen.media.size,
      summary: `${seen.media.size} different ones, ${seen.bootable.size} by partitions and ESP alone`,
    }),
    [Symbol.asyncDispose]: async () => await world[Symbol.asyncDispose](),
  };
}

/** @param faulty a store that forgets something, to show that it is noticed */
export async function keptSubject(faulty?: KeptWorld["faulty"]): Promise<Subject<KeptEvent> & AsyncDisposable> {
  const world = await keptWorld(faulty);
  return {
    name: "kept",
    lifeOf: (seed) => ({ setting: "a host", events: keptScenarioOf(seed).events }),
    live: async (seed) => await runKeptScenario(world, keptScenarioOf(seed)),
    liveAgain: async (seed, events) => await runKeptScenario(world, { seed, events }),
    distinct: () => undefined,
    [Symbol.asyncDispose]: async () => await world[Symbol.asyncDispose](),
  };
}

/** Lives with the seeds `firstSeed`, `firstSeed` + 1, …, up to the first that goes wrong. */
export async function simulate<Event extends { kind: string }>(
  subject: Subject<Event>,
  firstSeed: number,
  until: Until,
  signal: AbortSignal,
): Promise<SimulationReport> {
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  const report = { subject: subject.name, firstSeed, lives: 0, crashStates: 0, operations: 0 };
  const isEnough = (): boolean =>
    seconds() >= (until.seconds ?? Number.POSITIVE_INFINITY) ||
    report.lives >= (until.lives ?? Number.POSITIVE_INFINITY) ||
    (subject.distinct()?.crashStates ?? report.crashStates) >= (until.crashStates ?? Number.POSITIVE_INFINITY);
  const ended = (): SimulationReport => {
    const distinct = subject.distinct();
    return { ...report, ...defined({ distinct }), seconds: seconds() };
  };
  while (!isEnough()) {
    await setImmediate(); // a simulated disk never waits, so that signals would never be seen
    signal.throwIfAborted();
    const seed = firstSeed + report.lives;
    const outcome = await subject.live(seed);
    report.lives++;
    report.crashStates += outcome.crashStates;
    report.operations += outcome.operations;
    if (outcome.failed !== undefined) return { ...ended(), failure: await explained(subject, seed, outcome) };
  }
  return ended();
}

async function explained<Event extends { kind: string }>(
  subject: Subject<Event>,
  seed: number,
  outcome: Outcome,
): Promise<NonNullable<SimulationReport["failure"]>> {
  const { setting, events: all } = subject.lifeOf(seed);
  const until = all.slice(0, (outcome.failed?.event ?? all.length) + 1);
  const fails = async (events: readonly Event[]): Promise<boolean> =>
    (await subject.liveAgain(seed, [...events])).failed !== undefined;
  const events = await shortest((await fails(until)) ? until : all, fails);
  const failed = (await subject.liveAgain(seed, events)).failed ?? outcome.failed;
  const error = failed?.error instanceof Error ? failed.error : new Error(String(failed?.error));
  return { seed, message: error.message, stack: error.stack ?? "", setting, events };
}

function describe({
  subject,
  firstSeed,
  lives,
  crashStates,
  distinct,
  operations,
  seconds,
  failure,
}: SimulationReport): string {
  const counts =
    `${lives} lives from seed ${firstSeed}, ${crashStates} states after a crash or damage` +
    `${distinct === undefined ? "" : ` (${distinct.summary})`}, ${operations} disk operations, ${seconds.toFixed(1)} s`;
  if (failure === undefined) return `${subject}: every promise held in ${counts}`;
  return [
    `${subject}: seed ${failure.seed} (${failure.setting}): ${failure.message}`,
    ...failure.events.map((event, index) => `  ${index + 1}. ${describeEvent(event)}`),
    ...failure.stack.split("\n").slice(1, 6),
    `again: bun test/simulator/simulate.ts ${subject} --seed ${failure.seed} --lives 1`,
    `found in ${counts}`,
  ].join("\n");
}

function describeEvent(event: { kind: string }): string {
  const { kind, ...rest } = event;
  const text = JSON.stringify(rest, (_, value: unknown) =>
    typeof value === "string" && value.length > 60 ? `${value.slice(0, 20)}… (${value.length} characters)` : value,
  );
  return text === "{}" ? kind : `${kind} ${text}`;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Failure("bad-number", `a whole number is expected, not "${text}"`);
  return Number(text);
}

const command = commandsWith<Invocation>();

const options = {
  seed: { type: "text", value: "N", help: "Of the first life; each further one adds 1", parse: wholeNumber },
  seconds: { type: "text", value: "S", help: "Stop after so long", parse: wholeNumber },
  lives: { type: "text", value: "N", help: "Stop after so many lives", parse: wholeNumber },
  "until-crash-states": {
    type: "text",
    value: "N",
    help: "Stop after so many crashes, different ones where they are told apart",
    parse: wholeNumber,
  },
} as const satisfies Options;

type Values = { [Name in keyof typeof options]: number | undefined };

const datastore = command({
  name: "datastore",
  summary: "Commits, restarts, power losses, errors of the disk and damaged bytes",
  examples: [
    { run: "bun test/simulator/simulate.ts datastore --seed 42 --lives 1", description: "lives one life again" },
  ],
  options,
  run: async ({ signal }, values) => [await simulate(datastoreSubject(), seedOf(values), untilOf(values), signal)],
  print: (reports) => reports.map(describe).join("\n"),
  exitCode,
});

const update = command({
  name: "update",
  summary: "Updates with mirrors that lie, good and bad releases, and a power loss before every single write",
  examples: [
    { run: "bun test/simulator/simulate.ts update --until-crash-states 10000", description: "the long mode" },
    { run: "bun test/simulator/simulate.ts update --seed 42 --lives 1", description: "lives one life again" },
  ],
  options,
  async run({ signal }, values) {
    await using subject = await updateSubject();
    return [await simulate(subject, seedOf(values), untilOf(values), signal)];
  },
  print: (reports) => reports.map(describe).join("\n"),
  exitCode,
});

const kept = command({
  name: "kept",
  summary: "Trials, marks and the identity of a host, with a power loss before every single operation",
  examples: [{ run: "bun test/simulator/simulate.ts kept --seed 42 --lives 1", description: "lives one life again" }],
  options,
  async run({ signal }, values) {
    await using subject = await keptSubject();
    return [await simulate(subject, seedOf(values), untilOf(values), signal)];
  },
  print: (reports) => reports.map(describe).join("\n"),
  exitCode,
});

const everything = command({
  name: "everything",
  summary: "All of them, one after the other",
  examples: [
    {
      run: "bun test/simulator/simulate.ts --seconds 20",
      description: "looks for trouble, from a seed that the clock chooses",
    },
  ],
  options,
  async run({ signal }, values) {
    const { seconds, ...until } = untilOf(values);
    const shared = { ...until, ...(seconds === undefined ? {} : { seconds: seconds / 3 }) };
    await using ofUpdates = await updateSubject();
    await using ofKept = await keptSubject();
    const seed = seedOf(values);
    return [
      await simulate(datastoreSubject(), seed, shared, signal),
      await simulate(ofUpdates, seed, shared, signal),
      await simulate(ofKept, seed, shared, signal),
    ];
  },
  print: (reports) => reports.map(describe).join("\n"),
  exitCode,
});

function seedOf({ seed }: Values): number {
  return seed ?? Date.now() % 1_000_000_000;
}

function untilOf({ seconds, lives, "until-crash-states": crashStates }: Values): Until {
  const until = defined({ seconds, lives, crashStates });
  return Object.keys(until).length > 0 ? until : { seconds: 20 };
}

function exitCode(reports: readonly SimulationReport[]): number {
  return reports.every(({ failure }) => failure === undefined) ? 0 : 1;
}

const simulator = program({
  name: "simulate",
  summary: "Lives parts of the host through power losses and broken disks",
  version: "1",
  options: {},
  groups: {},
  commands: [everything, datastore, update, kept],
  context: (invocation) => invocation,
  unnamed: { command: "everything", options: ["--seed", "--seconds", "--lives", "--until-crash-states"] },
});

if (import.meta.main) await runProgram(simulator, process.argv.slice(2));
