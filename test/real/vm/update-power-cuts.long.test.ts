/**
 * Protects: power may fail at any moment of an update, from the first downloaded byte to the success mark, and the
 * machine comes up by itself on one of its two versions, with its settings, able to go on.
 *
 * Power is cut 25 times at random moments of updates from one version to the other and back, or as often as
 * `ORLOP_POWER_CUTS` says. `ORLOP_SEED=N` repeats the moments.
 */
import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../simulator/random.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { UpdatingHost } from "./updating-host.ts";

const cuts = Number(process.env["ORLOP_POWER_CUTS"] ?? 25);
const seed = Number(process.env["ORLOP_SEED"] ?? Date.now() % 2 ** 31);

/** What is under way when power fails, and within which time from its beginning: as long as each takes, emulated. */
const stages = [
  { label: "download and write", longestMs: 40_000 },
  { label: "flip", longestMs: 1_500 },
  { label: "first boot and success mark", longestMs: 60_000 },
] as const;
type Stage = (typeof stages)[number]["label"];

test(
  `${cuts} power cuts during updates lose no machine and no setting (seed ${seed})`,
  async () => {
    const random = new Random(seed);
    using published = await PublishedImages.open("update-power-cuts");
    const image = published.images.older.image;
    await using updating = await UpdatingHost.boot("update-power-cuts", { userData: published.userData(), image });
    const { host } = updating;
    for (let cut = 1; cut <= cuts; cut++) {
      const stage = random.pick(stages);
      const target = (await updating.version()) === older ? newer : older;
      const motd = `before cut ${cut}`;
      await host.commit({ motd, updates: { "version-lock": target } });
      const afterMs = random.integer(0, stage.longestMs);
      await begin(updating, stage.label, target);
      await sleep(afterMs);
      await host.cutPower();
      await host.switchOn();
      await host.untilConfigured();
      console.log(`power cuts: ${cut} of ${cuts}, ${afterMs} ms into ${stage.label}: ${await updating.version()} runs`);
      expect(await host.shell.run("cat /etc/motd")).toBe(motd);
      expect((await host.status()).boot.filter(({ state }) => state === "failed")).toEqual([]);
      await settled(updating);
    }
  },
  60_000 * (5 + 4 * cuts),
);

/** Brings the host to the beginning of a stage and starts it. */
async function begin(updating: UpdatingHost, stage: Stage, target: string): Promise<void> {
  const api = await updating.host.api();
  await updating.act("refreshUpdates");
  if (stage !== "download and write") await updating.stage(target);
  if (stage === "first boot and success mark") await updating.activate();
  const last = {
    "download and write": "prepareUpdate",
    flip: "activateUpdate",
    "first boot and success mark": "reboot",
  } as const;
  await api.call(last[stage]);
}

/** A power cut on trial costs the try: the host may then have gone back, and a person lets it try again. */
async function settled(updating: UpdatingHost): Promise<void> {
  for (const { version } of (await updating.host.status()).heldUpdates ?? []) await updating.release(version);
  expect(await updating.proved()).toBeOneOf([older, newer]);
}
