/**
 * The simulator: many short lives of a part of the host on hardware that fails, each decided by a seed.
 *
 * `bun test/simulate.ts --seconds 20`; a failure prints its seed and the shortest list of events that leads to it.
 */
import { setImmediate } from "node:timers/promises";
import { commandsWith, program, type Invocation } from "../lib/command.ts";
import { runProgram } from "../lib/command-line.ts";
import { Failure } from "../lib/failure.ts";
import { runScenario, type Outcome } from "./simulate-datastore.ts";
import { scenarioOf, type Event, type Scenario } from "./simulate-events.ts";
import { shortest } from "./simulate-shrink.ts";

/** Where to stop; whatever comes first. */
export type Until = { seconds?: number; lives?: number; crashStates?: number };

export type Report = {
  firstSeed: number;
  lives: number;
  crashStates: number;
  operations: number;
  seconds: number;
  failure?: { seed: number; says: string; stack: string; mode: string; size: Scenario["size"]; events: Event[] };
};

/** Lives with the seeds `firstSeed`, `firstSeed` + 1, …, up to the first that goes wrong. */
export async function simulateDatastore(firstSeed: number, until: Until, signal: AbortSignal): Promise<Report> {
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  const report = { firstSeed, lives: 0, crashStates: 0, operations: 0 };
  const isEnough = (): boolean =>
    seconds() >= (until.seconds ?? Number.POSITIVE_INFINITY) ||
    report.lives >= (until.lives ?? Number.POSITIVE_INFINITY) ||
    report.crashStates >= (until.crashStates ?? Number.POSITIVE_INFINITY);
  while (!isEnough()) {
    await setImmediate(); // a simulated disk never waits, so that signals would never be seen
    signal.throwIfAborted();
    const scenario = scenarioOf(firstSeed + report.lives);
    const outcome = await runScenario(scenario);
    report.lives++;
    report.crashStates += outcome.crashStates;
    report.operations += outcome.operations;
    if (outcome.failed !== undefined)
      return { ...report, seconds: seconds(), failure: await explained(scenario, outcome) };
  }
  return { ...report, seconds: seconds() };
}

async function explained(scenario: Scenario, outcome: Outcome): Promise<NonNullable<Report["failure"]>> {
  const until = scenario.events.slice(0, (outcome.failed?.event ?? scenario.events.length) + 1);
  const fails = async (events: readonly Event[]): Promise<boolean> =>
    (await runScenario({ ...scenario, events: [...events] })).failed !== undefined;
  const events = await shortest((await fails(until)) ? until : scenario.events, fails);
  const { failed } = await runScenario({ ...scenario, events });
  const { seed, mode, size } = scenario;
  const error = failed?.error instanceof Error ? failed.error : new Error(String(failed?.error));
  return { seed, says: error.message, stack: error.stack ?? "", mode, size, events };
}

function describe({ firstSeed, lives, crashStates, operations, seconds, failure }: Report): string {
  const counts =
    `${lives} lives from seed ${firstSeed}, ${crashStates} states after a crash or damage, ` +
    `${operations} disk operations, ${seconds.toFixed(1)} s`;
  if (failure === undefined) return `datastore: every promise held in ${counts}`;
  return [
    `datastore: seed ${failure.seed} (${failure.mode}, ${JSON.stringify(failure.size)}): ${failure.says}`,
    ...failure.events.map((event, index) => `  ${index + 1}. ${describeEvent(event)}`),
    ...failure.stack.split("\n").slice(1, 6),
    `again: bun test/simulate.ts --seed ${failure.seed} --lives 1`,
    `found in ${counts}`,
  ].join("\n");
}

function describeEvent(event: Event): string {
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

const datastore = command({
  name: "datastore",
  summary: "Commits, restarts, power losses, errors of the disk and damaged bytes",
  examples: [
    { run: "bun test/simulate.ts --seconds 20", says: "looks for trouble, from a seed that the clock chooses" },
    { run: "bun test/simulate.ts --seed 42 --lives 1", says: "lives one life again" },
  ],
  options: {
    seed: { type: "text", value: "N", help: "Of the first life; each further one adds 1", parse: wholeNumber },
    seconds: { type: "text", value: "S", help: "Stop after so long", parse: wholeNumber },
    lives: { type: "text", value: "N", help: "Stop after so many lives", parse: wholeNumber },
    "until-crash-states": { type: "text", value: "N", help: "Stop after so many crashes", parse: wholeNumber },
  },
  run({ signal }, { seed, seconds, lives, "until-crash-states": crashStates }) {
    const until: Until = {
      ...(seconds === undefined ? {} : { seconds }),
      ...(lives === undefined ? {} : { lives }),
      ...(crashStates === undefined ? {} : { crashStates }),
    };
    const limited = Object.keys(until).length > 0 ? until : { seconds: 20 };
    return simulateDatastore(seed ?? Date.now() % 1_000_000_000, limited, signal);
  },
  print: describe,
  exitCode: ({ failure }) => (failure === undefined ? 0 : 1),
});

const simulate = program({
  name: "simulate",
  summary: "Lives parts of the host through power losses and broken disks",
  version: "1",
  options: {},
  groups: {},
  commands: [datastore],
  context: (invocation) => invocation,
  unnamed: { command: "datastore", options: ["--seed", "--seconds", "--lives", "--until-crash-states"] },
});

if (import.meta.main) await runProgram(simulate, process.argv.slice(2));
