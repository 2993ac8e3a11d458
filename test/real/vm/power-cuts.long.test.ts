/**
 * Protects: a commit that was acknowledged is there after any loss of power, one that was not is there whole or not at
 * all, and the machine always comes back.
 *
 * Power is cut 20 times at random moments while one client after the other commits. `ORLOP_SEED=N` repeats the moments.
 */
import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isFailure } from "../../../lib/failure.ts";
import { Random } from "../../simulator/random.ts";
import { TestHost } from "./test-host.ts";

const cuts = 20;
const bootMs = 240_000;
/** From the first commit of a boot to the cut: some commits fit into it, and some boot work goes on beside them. */
const longestMs = 3_000;

const seed = Number(process.env["ORLOP_SEED"] ?? Date.now() % 2 ** 31);

/** Both settings of one commit carry its number, so that half a commit would show. */
function settingsOf(commit: number): { motd: string; dns: { "search-list": string[] } } {
  return { motd: `commit ${commit}`, dns: { "search-list": [`commit-${commit}.test`] } };
}

test(`${cuts} power cuts during commits lose nothing that was acknowledged (seed ${seed})`, loseNothing, {
  timeout: cuts * bootMs,
});

async function loseNothing(): Promise<void> {
  console.log(`power cuts: seed ${seed}`);
  const random = new Random(seed);
  await using host = await TestHost.boot("power-cuts");
  let acknowledged = (await host.commit(settingsOf(0))).version;
  let number = 0;
  for (let cut = 1; cut <= cuts; cut++) {
    const moment = sleep(random.integer(0, longestMs));
    let last = { number, version: acknowledged };
    let over = false;
    const commits = (async () => {
      while (!over) {
        number++;
        const { version } = await host.commit(settingsOf(number));
        last = { number, version };
      }
    })().catch((error: unknown) => {
      if (!over || !isFailure(error)) throw error; // the power went away in the middle of it
    });
    await moment;
    over = true;
    const certain = last;
    await host.cutPower();
    await commits;

    await host.switchOn("without shell");
    const status = await host.untilConfigured();
    const { motd, dns } = await currentOf(host);
    const found = Number(/^commit (\d+)$/.exec(motd)?.[1]);
    expect(dns).toEqual([`commit-${found}.test`]);
    expect(found).toBeGreaterThanOrEqual(certain.number);
    expect(found).toBeLessThanOrEqual(number);
    expect(status.settings.version).toBeGreaterThanOrEqual(certain.version);
    expect(status.boot.filter(({ state }) => state === "failed")).toEqual([]);
    console.log(
      `power cuts: ${cut} of ${cuts}, at commit ${number}, found ${found}, repairs ${status.settings.repairs.length}`,
    );
    acknowledged = status.settings.version;
    number = found; // what was asked for last and is not there was never acknowledged, so the next one may have its number
  }
}

async function currentOf(host: TestHost): Promise<{ motd: string; dns: unknown }> {
  const settings = await (await host.api()).call("getSettings", {});
  const { motd, dns } = settings;
  if (typeof motd !== "string" || typeof dns !== "object" || dns === null || !("search-list" in dns)) {
    throw new Error(`the settings are not what was committed: ${JSON.stringify(settings)}`);
  }
  return { motd, dns: dns["search-list"] };
}
