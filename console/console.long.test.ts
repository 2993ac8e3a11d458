/**
 * Protects: an operator who opens the page of a sick host finds each of its faults in under three clicks, with any eyes and
 * hands, and sees no secret. In Debian's Chromium, against a host that runs in this process.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import type { Page } from "puppeteer-core";
import { z } from "zod";
import { eventually } from "../test/eventually.ts";
import { startBrowser, type TestBrowser } from "../test/worlds/console/browser.ts";
import { faultyHost, plantedSecrets, type FaultyHost } from "../test/worlds/console/faulty-host.ts";
import { plantedFaults } from "../test/worlds/console/faults.ts";
import { consoleOf } from "../test/worlds/console/open-console.ts";
import type { LoopbackServer } from "../web/server/loopback-server.ts";

const stop = new AbortController();
const opened = new AsyncDisposableStack();
let faulty: FaultyHost;
let browser: TestBrowser;
let server: LoopbackServer;
let page: Page;
/** What the browser complained about: scripts that failed, and what the policy refused. */
const complaints: string[] = [];

const views = ["", "boot", "settings", "history", "containers", "update", "machine"] as const;
const limitMs = 60_000;

beforeAll(async () => {
  faulty = opened.use(await faultyHost());
  server = opened.use(await consoleOf({ socket: faulty.host.socket }, { mayWrite: true, signal: stop.signal }));
  browser = opened.use(await startBrowser(stop.signal));
  page = await browser.browser.newPage();
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(server.firstVisit);
  await shows(/things are broken/);
}, 180_000);

afterAll(async () => {
  stop.abort();
  await opened.disposeAsync();
}, limitMs);

/** What an expression of the page's own language is there, as text. */
const evaluated = async (expression: string): Promise<string> => String(await page.evaluate(expression));

const text = async (): Promise<string> => await evaluated("document.querySelector('main').textContent");

async function shows(sentence: RegExp): Promise<void> {
  await eventually(async () => expect(await text()).toMatch(sentence), limitMs);
}

/** By the words that it begins with. Not by its place, which what arrives meanwhile may move. */
async function click(kind: "button" | "summary", words: string): Promise<void> {
  await eventually(async () => {
    for (const element of await page.$$(`${kind}:enabled, ${kind}:not(button)`)) {
      const shown = await element.evaluate((each) => String(each.textContent));
      if (shown.trim().startsWith(words) && (await element.isVisible())) {
        await element.evaluate((each) => each.click());
        return;
      }
    }
    throw new Error(`there is no ${kind} that begins with ${words}`);
  }, limitMs);
}

/** In place of what is there: puppeteer's own `fill` sometimes adds to it. */
async function fill(selector: string, value: string): Promise<void> {
  const input = await page.waitForSelector(selector, { timeout: limitMs });
  await input?.focus();
  await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).select()`);
  await page.keyboard.type(value);
}

async function openView(view: (typeof views)[number]): Promise<void> {
  await page.locator(`nav a[href="#/${view}"]`).setTimeout(limitMs).click();
  await eventually(async () => {
    expect(await evaluated("document.querySelector('nav [aria-current]').getAttribute('href')")).toBe(`#/${view}`);
  }, limitMs);
}

test.each(plantedFaults.map((fault) => [fault.name, fault] as const))(
  "%s is found in under three clicks",
  async (_, fault) => {
    await openView("");
    await page.reload();
    let clicks = 0;
    if (fault.view !== "") {
      await openView(fault.view);
      clicks++;
    }
    await shows(fault.sentence);
    expect(clicks).toBeLessThan(3);
  },
  120_000,
);

test("the page says at a glance how the host does, and what one could do", async () => {
  await openView("");
  expect(await page.title()).toBe("degraded · test-host");
  await shows(/things are broken/);
  for (const command of [
    "apiclient undo",
    "apiclient logs admin",
    "apiclient update release 0.1.9",
    "apiclient confirm",
  ]) {
    expect(await text()).toContain(command);
  }
}, 120_000);

/** Of axe's answer, as far as a test has to know it. */
const violations = z.array(
  z.object({ id: z.string(), impact: z.string().nullish(), nodes: z.array(z.object({ html: z.string() })) }),
);

test.each(["light", "dark"] as const)(
  "axe has nothing serious to say about any view, when it is %s",
  async (scheme) => {
    const axe = await readFile(Bun.resolveSync("axe-core/axe.min.js", import.meta.dir), "utf8");
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const view of views) {
      await openView(view);
      await shows(/./);
      await page.evaluate(axe);
      const found: unknown = await page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
      );
      const serious = violations.parse(found).filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(serious.map(({ id, nodes }) => `${view}: ${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    }
    await page.emulateMediaFeatures([]);
  },
  180_000,
);

test("on a phone nothing is wider than the page", async () => {
  await page.setViewport({ width: 390, height: 800 });
  for (const view of views) {
    await openView(view);
    await shows(/./);
    const width = await evaluated("document.documentElement.scrollWidth");
    expect([view, width]).toEqual([view, "390"]);
  }
  await page.setViewport({ width: 1240, height: 900 });
}, 180_000);

test("a view is reached, and a setting opened, with the keyboard alone", async () => {
  await openView("");
  await page.reload();
  await shows(/things are broken/);
  const focused = async (): Promise<string> => await evaluated("document.activeElement.textContent");
  await page.keyboard.press("Tab");
  expect(await focused()).toBe("Skip to the content");
  for (let presses = 0; presses < 20 && !(await focused()).startsWith("Settings"); presses++)
    await page.keyboard.press("Tab");
  expect(await focused()).toStartWith("Settings");
  await page.keyboard.press("Enter");
  await shows(/Search settings/);
}, 120_000);

test("a change is planned with its files and units, tried, kept, found in the history and taken back", async () => {
  const { api } = faulty.host;
  await openView("settings");
  await click("button", "Keep version");
  await eventually(async () => expect((await api.call("getStatus")).trial).toBeUndefined(), limitMs);

  await fill("input[type=search]", "mtod");
  await shows(/No setting has "mtod" in it/);
  await fill("input[type=search]", "motdd");
  await shows(/Did you mean motd\?/);
  await click("button", "motd");
  await click("summary", "motd");
  await fill("details[open] .editor input", "Welcome back");
  await click("button", "Plan this");
  await click("button", "Plan");
  await shows(/no reboot.*modify \/etc\/motd.*- Welcome aboard deck-7.*\+ Welcome back/s);
  expect(await faulty.host.machine.read("/etc/motd")).toContain("Welcome aboard deck-7");

  await click("button", "Try");
  await shows(/is on trial: version \d+ returns in (?:9|10) min/);
  expect(await faulty.host.machine.read("/etc/motd")).toContain("Welcome back");
  await click("button", "Keep version");
  await eventually(async () => expect((await api.call("getStatus")).trial).toBeUndefined(), limitMs);

  await openView("history");
  await shows(/set motd on the console.*settings\.motd.*"Welcome aboard deck-7".*"Welcome back"/s);
  await click("button", "Undo");
  await click("button", "Yes");
  await eventually(
    async () => expect(await faulty.host.machine.read("/etc/motd")).toContain("Welcome aboard deck-7"),
    limitMs,
  );
}, 180_000);

test("what a container prints is followed, without the secret in it", async () => {
  await openView("containers");
  await click("button", "Log");
  await shows(/logging in as deck with \(secret\)/);
}, 120_000);

test("no secret is in any view, and times are in the zone of the reader with UTC beside", async () => {
  for (const view of views) {
    await openView(view);
    await shows(/./);
    const html = await page.content();
    for (const secret of Object.values(plantedSecrets)) expect([view, html.includes(secret)]).toEqual([view, false]);
  }
  await openView("history");
  await page.emulateTimezone("Asia/Tokyo");
  await page.reload();
  await shows(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
  const local = await evaluated("document.querySelector('main time').firstChild.textContent");
  const utc = await evaluated("document.querySelector('main time .utc').textContent");
  const hours = (Number(/(\d{1,2}):\d\d:\d\d/.exec(local)?.[1]) % 12) - (Number(/ (\d\d):/.exec(utc)?.[1]) % 12);
  expect((hours + 24) % 12).toBe(9);
}, 180_000);

test("the browser met nothing that failed, and nothing that the policy of the page refused", () => {
  expect(complaints).toEqual([]);
});
