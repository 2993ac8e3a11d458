/** Protects: the daemon of a host keeps its machine whatever chrony or a person does to the clock, for a year. */
import { expect, test } from "bun:test";
import { eventually } from "../../test/eventually.ts";
import { Random } from "../../test/simulator/random.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";

const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
const weeks = 52;
const trialSeconds = 3600;
/** A turn of the engine, of a trial, and of whatever waits for either takes a few; a loop that spins, thousands. */
const sleepsMost = 20;

const motdFile = async ({ machine }: RunningHost): Promise<string> => await machine.read("/etc/motd");

/** The engine waits for its next look, and whoever notes how full the machine is for the next note. */
const atRest = 2;

/** Until these wait, and with them a trial for its end if there is one. */
async function untilAtRest({ machine }: RunningHost, waiting: number): Promise<void> {
  await eventually(async () => expect(machine.sleeping()).toBe(waiting));
}

/** What drifted is mended within the time in which the engine looks again. */
async function expectReconciled(host: RunningHost): Promise<void> {
  await untilAtRest(host, atRest);
  const good = await motdFile(host);
  await host.machine.write("/etc/motd", "somebody was here");
  await host.machine.advance(5 * 60_000);
  await eventually(async () => expect(await motdFile(host)).toBe(good));
}

/** The settings return when their time has elapsed, not before. */
async function expectTrialEnds(host: RunningHost, week: number, step: () => void): Promise<void> {
  await host.api.call("patchSettings", { query: { tx: "t" }, body: { motd: `week ${week}` } });
  await host.api.commitAndWait({ tx: "t", try: trialSeconds });
  await untilAtRest(host, atRest + 1);
  step();
  await host.machine.advance(trialSeconds * 1000 - 1000);
  await untilAtRest(host, atRest + 1);
  expect(await motdFile(host)).toContain(`week ${week}`);
  const { trial } = await host.api.call("getStatus");
  expect(Date.parse(trial?.deadline ?? "")).toBe(host.machine.system.clock.now().getTime() + 1000);
  await host.machine.advance(1000);
  await eventually(async () => expect(await motdFile(host)).not.toContain(`week ${week}`));
}

test("for a year of weeks in which the clock is set both ways, drift is mended, trials end in time, and nothing spins", async () => {
  const random = new Random(2026);
  await using host = await runningHost();
  const step = (): void => host.machine.stepClock(random.pick([1, -1]) * random.integer(1, 366 * dayMs));
  for (let week = 1; week <= weeks; week++) {
    const sleepsBefore = host.machine.sleeps();
    step();
    await expectReconciled(host);
    if (week % 4 === 0) await expectTrialEnds(host, week, step);
    if (week % 13 === 0) await host.reboot();
    await untilAtRest(host, atRest);
    await host.machine.advance(weekMs);
    await untilAtRest(host, atRest);
    expect(host.machine.sleeps() - sleepsBefore).toBeLessThan(sleepsMost);
  }
  const { state, reconcilers } = await host.api.call("getStatus");
  expect([state, reconcilers.filter((each) => each.state !== "converged")]).toEqual(["running", []]);
}, 120_000);
