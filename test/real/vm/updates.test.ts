/**
 * Protects: an update is taken whole or not at all, one that is bad goes back by itself with the reason, and no power
 * cut on the way loses the machine or its settings.
 *
 * What is decided about updates is in `update-decisions.long.test.ts`, what images can be broken in in
 * `broken-updates.long.test.ts`.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deadline, machineClock } from "../../../lib/clock.ts";
import { hostOfGuests } from "../../../vm/qemu/qemu.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { UpdatingHost } from "./updating-host.ts";

const silent = "http://127.0.0.1:9/healthz";
/** Parameters that this kernel does not have, and does not let anybody set: both fail for good, on either version. */
const unknown = "net.ipv4.tcp_does_not_exist";
const refused = "kernel.osrelease";

const daySeconds = 86_400;
/** For two looks of the health gate, on an emulated processor that still boots. */
const askedMs = 300_000;

type Check = Disposable & { url: string; isWell: boolean; untilAsked(times: number): Promise<void> };

/** What a person has a version proved by: it is well or ill as the test says. */
function openCheck(): Check {
  let asked = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      asked++;
      return new Response("", { status: check.isWell ? 200 : 503 });
    },
  });
  const check: Check = {
    url: `http://${hostOfGuests}:${server.url.port}/`,
    isWell: true,
    async untilAsked(times) {
      const enough = asked + times;
      const patience = deadline(machineClock, askedMs);
      while (asked < enough) {
        if (patience.passed) throw new Error(`the host asked ${asked} times in ${askedMs / 1000} s, not ${enough}`);
        await machineClock.sleep(200);
      }
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
  return check;
}

let published: PublishedImages;
let updating: UpdatingHost;

beforeAll(async () => {
  published = await PublishedImages.open("update");
  const userData = published.userData(
    "[settings]",
    'motd = "kept"',
    "[settings.kernel.modules]",
    '"mispelt" = { allowed = true, autoload = true }',
    "[settings.kernel.sysctl]",
    `"${unknown}" = "1"`,
    `"${refused}" = "6.0"`,
  );
  updating = await UpdatingHost.boot("update", { userData, image: published.images.older.image });
});
afterAll(async () => {
  await updating?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
});

test("a fresh host runs from set A, and looks for updates", async () => {
  expect(await updating.host.shell.run("signpost status")).toContain(`Set A:   ${older}`);
  expect(await updating.act("refreshUpdates")).toMatchObject({
    update_state: "Available",
    chosen_update: { version: newer, variant: "dev", arch: "x86_64" },
  });
});

test("what the kernel lacks is a warning, and what fails for good is no failure of another change", async () => {
  const { reconcilers } = await updating.host.status();
  const of = (wanted: string) => reconcilers.find(({ name }) => name === wanted);
  expect(of("kernel-modules")).toMatchObject({
    state: "converged",
    warnings: ["cannot load kernel module mispelt: the kernel has no such module"],
  });
  expect(of("sysctl")).toMatchObject({
    state: "failing",
    failure: { message: expect.stringContaining(refused), undone: [`set ${refused} to 6.0`] },
    warnings: [expect.stringContaining(unknown)],
  });
  const change = await updating.host.shell.run("apiclient set 'ntp.options=[\"iburst\"]' 2>&1; echo $?");
  expect(change).toContain("failed before this change too: sysctl");
  expect(change).toEndWith("0");
});

test("power that fails while the update is written costs the update, not the host", async () => {
  const { host } = updating;
  await (await host.api()).call("prepareUpdate");
  await sleep(4_000);
  await host.cutPower();
  await host.switchOn();
  await host.untilConfigured();
  expect(await updating.version()).toBe(older);
  expect(await updating.entries()).toEqual(["orlop-a.conf"]);
});

test("an update is written, boots, proves healthy though something failed before it, and keeps the settings, whatever the clock does", async () => {
  const { host } = updating;
  using check = openCheck();
  await host.commit({ updates: { health: { "http-probes": [check.url] } } });
  await updating.apply(newer);
  expect(await updating.entries()).toContain("orlop-b+1.conf");
  check.isWell = false;
  await host.reboot();
  // It is judged by what is to hold while the clock is a day ahead, and a day behind.
  for (const seconds of [daySeconds, -2 * daySeconds, daySeconds]) {
    await host.stepClock(seconds);
    await check.untilAsked(2);
  }
  check.isWell = true;
  expect(await updating.proved()).toBe(newer);
  expect(await updating.entries()).toContain("orlop-b.conf");
  expect(await host.shell.run("cat /etc/motd")).toBe("kept");
  await host.reset("settings.updates.health.http-probes");
});

test("a cancelled update does not boot", async () => {
  await updating.lockTo(older);
  await updating.apply(older);
  expect((await updating.act("deactivateUpdate")).update_state).toBe("Staged");
  await updating.host.reboot();
  expect(await updating.version()).toBe(newer);
});

test("an update that a check of the user finds wrong goes back by itself, and the check is told", async () => {
  await updating.lockTo(older, { "http-probes": [silent], "timeout-seconds": 20 });
  await updating.apply(older);
  const { version, reason } = await updating.rebootAndReturn();
  expect(version).toBe(older);
  expect(reason).toContain(silent);
  expect(await updating.version()).toBe(newer);
  expect((await updating.act("refreshUpdates")).chosen_update).toBeNull();
});
