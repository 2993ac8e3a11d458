/**
 * Protects: an operator sees on a host's page how far an update is and how fast it goes, takes it step by step, and sees of a
 * version on trial what it lacks and when it goes back.
 */
import { expect, test } from "bun:test";
import { eventually } from "../test/eventually.ts";
import { startBrowser } from "../test/worlds/console/browser.ts";
import { consoleOf } from "../test/worlds/console/open-console.ts";
import { limitMs, PageDriver, testMs } from "../test/worlds/console/page-driver.ts";
import { hostOnTrial, updatingHost } from "../test/worlds/console/updating-host.ts";

test(
  "an update is looked for, written with its progress and rate on the page, and boots next",
  async () => {
    await using opened = new AsyncDisposableStack();
    const stop = new AbortController();
    opened.defer(() => stop.abort());
    const { host, letThrough } = opened.use(await updatingHost());
    const server = opened.use(await consoleOf({ socket: host.socket }, { mayWrite: true, signal: stop.signal }));
    const driver = await PageDriver.open(opened.use(await startBrowser(stop.signal)), server.firstVisit);
    await driver.openView("update");
    await driver.shows(/Would update to 0\.2\.0 now/);
    await driver.click("button", "Look for updates");
    await driver.shows(/Update0\.2\.0 is available/);
    await driver.click("button", "Write it");
    await driver.shows(/prepare: download[\d.]+ KiB of 1\.0 MiB/);
    for (let pieces = 0; pieces < 3; pieces++) await eventually(letThrough, limitMs);
    await driver.shows(/prepare: download[\d.]+ KiB of 1\.0 MiB, [1-9].* a second, [1-9].* left/);
    const written = eventually(async () => {
      expect((await host.api.call("getUpdateStatus", { query: {} })).update_state).toBe("Staged");
    }, limitMs);
    let isWritten = false;
    void written.finally(() => (isWritten = true)).catch(() => undefined);
    while (!isWritten) await letThrough().catch(async () => await Bun.sleep(20));
    await written;
    await driver.shows(/Other set0\.2\.0.*Update0\.2\.0 is staged/);
    await driver.click("button", "Boot it next");
    await driver.shows(/Other set0\.2\.0 ! boots next.*Update0\.2\.0 starts at the next boot/);
    await driver.openView("");
    await driver.shows(/version 0\.2\.0 is ready.*it starts at the next boot.*apiclient reboot/s);
    expect(driver.complaints).toEqual([]);
  },
  testMs,
);

test(
  "a version on trial is told with what it lacks and when it goes back",
  async () => {
    await using opened = new AsyncDisposableStack();
    const stop = new AbortController();
    opened.defer(() => stop.abort());
    const host = opened.use(await hostOnTrial());
    const server = opened.use(await consoleOf({ socket: host.socket }, { signal: stop.signal }));
    const driver = await PageDriver.open(opened.use(await startBrowser(stop.signal)), server.firstVisit);
    const when = "goes back by itself in 1 min 30 s unless it proves healthy";
    await driver.shows(new RegExp(`version 0\\.1\\.0 is on trial.*it ${when}; not yet: http.*status 503`, "s"));
    await driver.click("a", "Update");
    await driver.shows(new RegExp(`Running0\\.1\\.0 ! on trial.*0\\.1\\.0 ${when}.*do not hold yet.*status 503`, "s"));
    expect(driver.complaints).toEqual([]);
  },
  testMs,
);
