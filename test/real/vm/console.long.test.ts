/**
 * Protects: the page of a real host has every view, and what is done on it is done on the host: a change is planned, tried and
 * goes back by itself, a container's log is followed, and a terminal reaches into it. In Chromium, over the remote API.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { builtContainer } from "../../../cli/image/built-image.ts";
import type { LoopbackServer } from "../../../web/server/loopback-server.ts";
import { eventually } from "../../eventually.ts";
import { startBrowser } from "../../worlds/console/browser.ts";
import { consoleOf } from "../../worlds/console/open-console.ts";
import { PageDriver } from "../../worlds/console/page-driver.ts";
import { startTestRegistry } from "../../worlds/containers/registry.ts";
import { TestHost } from "./test-host.ts";

const stop = new AbortController();
const opened = new AsyncDisposableStack();
const motd = "tried on the console";
const trialMs = 120_000;
let host: TestHost;
let server: LoopbackServer;
let driver: PageDriver;

beforeAll(async () => {
  const registry = opened.use(await startTestRegistry({ tls: true, auth: true }));
  const { layout } = await builtContainer({ image: "admin", architecture: "x86_64" }, stop.signal);
  await registry.push(layout, "orlop/admin:v1");
  host = opened.use(
    await TestHost.boot("console", {
      userData: JSON.stringify({
        settings: {
          pki: registry.pki,
          "container-registry": { credentials: [registry.credential(registry.forGuests)] },
          "host-containers": { admin: { enabled: true, source: `${registry.forGuests}/orlop/admin:v1` } },
        },
      }),
    }),
  );
  await host.untilRunning("admin");
  const access = await host.running.access();
  if (access === undefined) throw new Error("the host has not announced its API");
  server = opened.use(await consoleOf(access, { mayWrite: true, signal: stop.signal }));
  driver = await PageDriver.open(opened.use(await startBrowser(stop.signal)), server.firstVisit);
  await driver.shows(/Image/);
});
afterAll(async () => {
  stop.abort();
  await opened.disposeAsync();
});

test.each([
  ["", /up for|Up for/],
  ["boot", /hostd\.service/],
  ["settings", /Search settings/],
  ["history", /user data/],
  ["containers", /admin.*orlop\/admin:v1/s],
  ["update", /Running.*✓ proved.*Other set/s],
  ["machine", /\/var.* free of .*Memory, the last hour.*used \d+/s],
])("the view /%s has what this host says", async (view, sentence) => {
  await driver.openView(view);
  await driver.shows(sentence);
  expect(driver.complaints).toEqual([]);
});

test("a change is planned, tried, and goes back by itself", async () => {
  const greeting = async (): Promise<string> => await host.shell.run("cat /etc/motd");
  const before = await greeting();
  await driver.openView("settings");
  await driver.fill("input[type=search]", "motd");
  await driver.click("summary", "motd");
  await driver.fill("details[open] .editor input", motd);
  await driver.click("button", "Plan this");
  await driver.click("button", "Plan");
  await driver.shows(/modify \/etc\/motd/);
  expect(await greeting()).toBe(before);

  await driver.page.select("select", String(trialMs / 1000));
  await driver.click("button", "Try");
  await driver.shows(/is on trial: version \d+ returns in/);
  expect(await greeting()).toContain(motd);
  await eventually(async () => expect(await driver.text()).not.toContain("is on trial"), 4 * trialMs);
  expect(await greeting()).toBe(before);
  await driver.openView("history");
  await driver.shows(/set motd on the console/);
});

test("what a container prints is followed as it prints it", async () => {
  await driver.openView("containers");
  await driver.click("button", "Log");
  await driver.shows(/container admin: started as process/);
  await driver.shows(/Server listening on/);
  // Its sshd tells of whoever does not speak its protocol.
  const stranger = String.raw`exec 3<>/dev/tcp/127.0.0.1/22; printf 'no ssh\r\n' >&3; cat <&3`;
  await host.exec("admin", ["bash", "-c", stranger]);
  await driver.shows(/127\.0\.0\.1 port \d+/);
});

test("a terminal of the page reaches into a container, and the history keeps who ran what", async () => {
  await driver.openView("containers");
  await driver.click("button", "Terminal");
  await driver.click("button", "Run");
  const screen = async (): Promise<string> =>
    await driver.evaluated("document.querySelector('.xterm-rows')?.textContent");
  await eventually(async () => expect(await screen()).toMatch(/[#$]/), 120_000);
  await driver.page.focus(".xterm-helper-textarea");
  await driver.page.keyboard.type("echo $((6 * 7)) answers\n");
  await eventually(async () => expect(await screen()).toMatch(/42\s+answers/), 120_000);
  await driver.page.keyboard.type("exit\n");
  await driver.shows(/bash ended with exit code 0/);
  const entries = await (await host.api()).call("getHistory", { query: {} });
  expect(entries.some((entry) => "exec" in entry && entry.exec.command[0] === "bash")).toBe(true);
  expect(driver.complaints).toEqual([]);
});
