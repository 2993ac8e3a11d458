/**
 * Protects: an operator who opens the page of a sick host finds each of its faults in under three clicks, with any eyes and
 * hands, and sees no secret. In Debian's Chromium, against a host that runs in this process.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "puppeteer-core";
import { eventually } from "../test/eventually.ts";
import { startBrowser, type TestBrowser } from "../test/worlds/console/browser.ts";
import { faultyHost, plantedSecrets, type FaultyHost } from "../test/worlds/console/faulty-host.ts";
import { limitMs, PageDriver, testMs } from "../test/worlds/console/page-driver.ts";
import { plantedFaults } from "../test/worlds/console/faults.ts";
import { consoleOf } from "../test/worlds/console/open-console.ts";
import type { LoopbackServer } from "../web/server/loopback-server.ts";

const stop = new AbortController();
const opened = new AsyncDisposableStack();
let faulty: FaultyHost;
let browser: TestBrowser;
let server: LoopbackServer;
let driver: PageDriver;
let page: Page;

const views = ["", "boot", "settings", "history", "containers", "update", "machine"] as const;

beforeAll(async () => {
  faulty = opened.use(await faultyHost());
  server = opened.use(await consoleOf({ socket: faulty.host.socket }, { mayWrite: true, signal: stop.signal }));
  browser = opened.use(await startBrowser(stop.signal));
  driver = await PageDriver.open(browser, server.firstVisit);
  ({ page } = driver);
  await driver.shows(/things are broken/);
}, testMs);

afterAll(async () => {
  stop.abort();
  await opened.disposeAsync();
}, testMs);

test.each(plantedFaults.map((fault) => [fault.name, fault] as const))(
  "%s is found in under three clicks",
  async (_, fault) => {
    await driver.openView("");
    await page.reload();
    let clicks = 0;
    if (fault.view !== "") {
      await driver.openView(fault.view);
      clicks++;
    }
    await driver.shows(fault.sentence);
    expect(clicks).toBeLessThan(3);
  },
  testMs,
);

test(
  "a click that comes as soon as there is something to click opens its view",
  async () => {
    const { identifier } = await page.evaluateOnNewDocument(`new MutationObserver((_, observer) => {
      const link = document.querySelector('nav a[href="#/history"]');
      if (link === null) return;
      observer.disconnect();
      link.click();
    }).observe(document, { childList: true, subtree: true })`);
    await driver.openView("");
    await page.reload();
    await page.removeScriptToEvaluateOnNewDocument(identifier);
    await eventually(async () => expect(await driver.view()).toBe("#/history"), limitMs);
  },
  testMs,
);

test(
  "the page says at a glance how the host does, and what one could do",
  async () => {
    await driver.openView("");
    expect(await page.title()).toBe("degraded · test-host");
    await driver.shows(/things are broken/);
    for (const command of [
      "apiclient undo",
      "apiclient logs admin",
      "apiclient update release 0.1.9",
      "apiclient confirm",
    ]) {
      expect(await driver.text()).toContain(command);
    }
  },
  testMs,
);

test(
  "the boot is on one line of time with what its end waited for, also when the daemon started again later",
  async () => {
    await driver.openView("boot");
    await driver.shows(/critical systemd-udevd\.service → .*hostd\.service → .* → multi-user\.target/);
    await driver.shows(/Phases.*firmware.*2\.5 s.*boot loader.*kernel.*userspace.*8\.8 s/);
    const wide = "(element) => element.getBoundingClientRect().width";
    const share = `(${wide})(document.querySelector(".bars .track")) / (${wide})(document.querySelector(".bars"))`;
    expect(Number(await driver.evaluated(share))).toBeGreaterThan(0.5);
    const ends = await driver.evaluated(`(() => {
    const track = document.querySelector(".bars .track").getBoundingClientRect();
    const bars = [...document.querySelectorAll(".bars .bar")].map((bar) => bar.getBoundingClientRect().right);
    return Math.round((100 * (Math.max(...bars) - track.left)) / track.width);
  })()`);
    expect(Number(ends)).toBeGreaterThan(97);
    expect(Number(ends)).toBeLessThan(101);
  },
  testMs,
);

test.each(["light", "dark"] as const)(
  "axe has nothing serious to say about any view, when it is %s",
  async (scheme) => {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const view of views) {
      await driver.openView(view);
      await driver.shows(/./);
      expect([view, await driver.seriousViolations(scheme)]).toEqual([view, []]);
    }
    await page.emulateMediaFeatures([]);
  },
  testMs,
);

test(
  "on a phone nothing is wider than the page",
  async () => {
    await page.setViewport({ width: 390, height: 800 });
    for (const view of views) {
      await driver.openView(view);
      await driver.shows(/./);
      expect([view, await driver.width()]).toEqual([view, 390]);
    }
    await page.setViewport({ width: 1240, height: 900 });
  },
  testMs,
);

test(
  "a view is reached, and a setting opened, with the keyboard alone",
  async () => {
    await driver.openView("");
    await page.reload();
    await driver.shows(/things are broken/);
    await page.keyboard.press("Tab");
    expect(await driver.focused()).toBe("Skip to the content");
    for (let presses = 0; presses < 20 && !(await driver.focused()).startsWith("Settings"); presses++)
      await page.keyboard.press("Tab");
    expect(await driver.focused()).toStartWith("Settings");
    await page.keyboard.press("Enter");
    await driver.shows(/Search settings/);
  },
  testMs,
);

test(
  "a change is planned with its files and units, tried, kept, found in the history and taken back",
  async () => {
    const { api } = faulty.host;
    await driver.openView("settings");
    await driver.click("button", "Keep version");
    await eventually(async () => expect((await api.call("getStatus")).trial).toBeUndefined(), limitMs);

    await driver.fill("input[type=search]", "mtod");
    await driver.shows(/No setting has "mtod" in it/);
    await driver.fill("input[type=search]", "motdd");
    await driver.shows(/Did you mean motd\?/);
    await driver.click("button", "motd");
    await driver.click("summary", "motd");
    await driver.fill("details[open] .editor input", "Welcome back");
    await driver.click("button", "Plan this");
    await driver.click("button", "Plan");
    await driver.shows(/no reboot.*modify \/etc\/motd.*- Welcome aboard deck-7.*\+ Welcome back/s);
    expect(await faulty.host.machine.read("/etc/motd")).toContain("Welcome aboard deck-7");

    await driver.click("button", "Try");
    await driver.shows(/is on trial: version \d+ returns in \d+ min/);
    expect(await faulty.host.machine.read("/etc/motd")).toContain("Welcome back");
    await driver.click("button", "Keep version");
    await eventually(async () => expect((await api.call("getStatus")).trial).toBeUndefined(), limitMs);

    await driver.openView("history");
    await driver.shows(/set motd on the console.*settings\.motd.*"Welcome aboard deck-7".*"Welcome back"/s);
    await driver.click("button", "Undo");
    await driver.click("button", "Yes");
    await eventually(
      async () => expect(await faulty.host.machine.read("/etc/motd")).toContain("Welcome aboard deck-7"),
      limitMs,
    );
  },
  testMs,
);

test(
  "what a container prints is followed, without the secret in it",
  async () => {
    await driver.openView("containers");
    await driver.click("button", "Log");
    await driver.shows(/logging in as deck with \(secret\)/);
  },
  testMs,
);

test(
  "no secret is in any view, and times are in the zone of the reader with UTC beside",
  async () => {
    for (const view of views) {
      await driver.openView(view);
      await driver.shows(/./);
      const html = await page.content();
      for (const secret of Object.values(plantedSecrets)) expect([view, html.includes(secret)]).toEqual([view, false]);
    }
    await driver.openView("history");
    await page.emulateTimezone("Asia/Tokyo");
    await page.reload();
    await driver.shows(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    const local = await driver.evaluated("document.querySelector('main time').firstChild.textContent");
    const utc = await driver.evaluated("document.querySelector('main time .utc').textContent");
    const hours = (Number(/(\d{1,2}):\d\d:\d\d/.exec(local)?.[1]) % 12) - (Number(/ (\d\d):/.exec(utc)?.[1]) % 12);
    expect((hours + 24) % 12).toBe(9);
  },
  testMs,
);

test("the browser met nothing that failed, and nothing that the policy of the page refused", () => {
  expect(driver.complaints).toEqual([]);
});
