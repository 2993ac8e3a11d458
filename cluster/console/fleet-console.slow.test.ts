/**
 * Protects: an operator who opens the page of a fleet sees whether it goes, finds each thing that is wrong in under three clicks,
 * with any eyes and hands, can stop it as far as the cluster lets them, and has thousands of nodes without a stutter. In
 * Debian's Chromium, against a fleet that stands still, a simulation, and the operator with nodes that are programs.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { annotations, policyAnnotations } from "../../api/fleet/annotations.ts";
import { machineClock } from "../../lib/clock.ts";
import { eventually } from "../../test/eventually.ts";
import { startBrowser, type TestBrowser } from "../../test/worlds/console/browser.ts";
import { limitMs, PageDriver, testMs } from "../../test/worlds/console/page-driver.ts";
import { FakeFleet } from "../../test/worlds/cluster/fake-fleet.ts";
import { MemoryApiServer } from "../../test/worlds/cluster/memory-api-server.ts";
import { fleetFaults, plantedFleet } from "../../test/worlds/fleet/planted-fleet.ts";
import { rollingScenario } from "../../test/worlds/fleet/rolling-fleet.ts";
import type { LoopbackServer } from "../../web/server/loopback-server.ts";
import { pageFiles } from "../../web/server/page-files.ts";
import { nodes } from "../../kubernetes/objects.ts";
import { Operator } from "../operator/operator.ts";
import { fleetPolicies } from "../operator/policy-object.ts";
import { fleetPage } from "./fleet-page.ts";
import { openFleetConsole } from "./open-fleet-console.ts";
import { serveOperatorConsole } from "./operator-console.ts";
import { operatorSource } from "./sources/operator-source.ts";
import { simulationSource } from "./sources/simulation-source.ts";

const stop = new AbortController();
const opened = new AsyncDisposableStack();
let browser: TestBrowser;
let planted: LoopbackServer;
let driver: PageDriver;

const views = ["", "nodes", "when", "history"] as const;
const program = "orlop fleet console";

beforeAll(async () => {
  browser = opened.use(await startBrowser(stop.signal));
  planted = opened.use(await openFleetConsole(plantedFleet(), { program, mayWrite: false, port: 0 }));
  driver = await PageDriver.open(browser, planted.firstVisit);
  await driver.shows(/halted/);
}, testMs);

afterAll(async () => {
  stop.abort();
  await opened.disposeAsync();
}, testMs);

async function openNode(name: string): Promise<void> {
  await driver.follow(`node/${name}`);
  await driver.shows(/What was done with it/);
}

test.each(fleetFaults.map((fault) => [fault.name, fault] as const))(
  "%s is found in under three clicks",
  async (_, fault) => {
    await driver.openView("");
    for (const words of fault.clicks) await driver.click("a", words);
    await driver.shows(fault.sentence);
    expect(fault.clicks.length).toBeLessThan(3);
  },
  testMs,
);

test.each(["light", "dark"] as const)(
  "axe has nothing serious to say about any view, when it is %s",
  async (scheme) => {
    await driver.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const view of views) {
      await driver.openView(view);
      expect([view, await driver.seriousViolations(scheme)]).toEqual([view, []]);
    }
    await openNode("ingress-01");
    expect(await driver.seriousViolations(scheme)).toEqual([]);
    await driver.page.emulateMediaFeatures([]);
  },
  testMs,
);

test(
  "on a phone nothing is wider than the page",
  async () => {
    await driver.page.setViewport({ width: 390, height: 800 });
    for (const view of views) {
      await driver.openView(view);
      expect([view, await driver.width()]).toEqual([view, 390]);
    }
    await openNode("ingress-01");
    expect(await driver.width()).toBe(390);
    await driver.page.setViewport({ width: 1240, height: 900 });
  },
  testMs,
);

test(
  "with the keyboard alone a node is found in the list, and its page opened",
  async () => {
    await driver.openView("nodes");
    const { keyboard } = driver.page;
    await driver.page.reload();
    await driver.shows(/52 of 52/);
    for (let presses = 0; presses < 30 && !(await driver.focused()).startsWith("batch-00"); presses++) {
      await keyboard.press("Tab");
    }
    expect(await driver.focused()).toBe("batch-00");
    await keyboard.press("ArrowDown");
    await eventually(async () => expect(await driver.focused()).toBe("batch-03"), limitMs);
    await keyboard.press("End");
    await eventually(async () => expect(await driver.focused()).toBe("worker-41"), limitMs);
    await keyboard.press("Enter");
    await driver.shows(/worker-41 waits: the roll-out is halted/);
  },
  testMs,
);

test(
  "times are those of the reader's zone with UTC beside, and a page that only looks says why",
  async () => {
    await driver.page.emulateTimezone("Asia/Tokyo");
    await driver.openView("history");
    await driver.page.reload();
    await driver.shows(/2026-12-01 11:40:00 UTC/);
    expect(await driver.text()).toMatch(/8:40:00 PM/);
    await driver.page.emulateTimezone();
    await driver.openView("");
    const why = await driver.evaluated("document.querySelector('.verdict button.danger').title");
    expect(why).toBe("this page only looks: `orlop fleet console --write` opens one that may stop the fleet");
  },
  testMs,
);

test(
  "whatever is looked at, nothing of a fleet can be changed but that it stops",
  async () => {
    await using server = await openFleetConsole(plantedFleet(), { program, mayWrite: true, port: 0 });
    const writing = await PageDriver.open(browser, server.firstVisit);
    await writing.shows(/halted/);
    const buttons = new Set<string>();
    for (const view of [...views, "node/ingress-01"]) {
      await writing.follow(view);
      await writing.shows(/./);
      const words = await writing.evaluated(
        "[...document.querySelectorAll('button, input[type=submit]')].map((each) => each.textContent).join('|')",
      );
      for (const word of words.split("|").filter((each) => each !== "")) buttons.add(word);
    }
    // What copies a command, and shows more lines of the history, changes nothing.
    expect([...buttons].filter((word) => word !== "copy" && !word.startsWith("Show older"))).toEqual(["Stop"]);
    const asked = await writing.evaluated(`Promise.all(["events", "node", "resume", "uncordon"].map(async (path) => {
    const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    return answer.status;
  }))`);
    expect(asked).toBe("405,405,405,405");
    await writing.page.close();
  },
  testMs,
);

test("the browser met nothing that failed, and nothing that the policy of the page refused", () => {
  expect(driver.complaints).toEqual([]);
});

test(
  "of 5,000 nodes only those that are seen are in the page, and a roll-out goes on under the reader's hands",
  async () => {
    const source = simulationSource(rollingScenario(5_000), 2_000, machineClock);
    await using server = await openFleetConsole(source, { program, mayWrite: true, port: 0 });
    const large = await PageDriver.open(browser, server.firstVisit);
    await large.shows(/of 5,000 nodes run what they are to run/);
    await large.openView("nodes");
    await large.shows(/5,000 of 5,000/);
    const rows = async (): Promise<number> =>
      Number(await large.evaluated("document.querySelectorAll('[role=row]').length"));
    expect(await rows()).toBeLessThan(80);
    await large.evaluated("document.querySelector('.rows-seen').scrollTop = 100000");
    await eventually(async () => {
      const shown = await large.evaluated(
        "document.querySelector('.rows-window [role=row]').getAttribute('aria-rowindex')",
      );
      expect(Number(shown)).toBeGreaterThan(3_000);
    }, testMs);
    expect(await rows()).toBeLessThan(80);
    expect(await large.evaluated("document.querySelector('[role=grid]').getAttribute('aria-rowcount')")).toBe("5001");

    await large.openView("");
    await large.shows(/[1-9][\d,]* of 5,000 nodes run what they are to run/);
    await large.click("button", "Stop");
    await large.fill(".verdict input", "enough for today");
    await large.click("button", "Stop simulated");
    await large.shows(/stopped by a person: enough for today/);
    expect(large.complaints).toEqual([]);
    await large.page.close();
  },
  testMs,
);

test(
  "the operator's page asks the cluster who looks, and stops the fleet for whoever may patch policies",
  async () => {
    await using api = new MemoryApiServer();
    api.tokens.set("token-of-viewer", { username: "viewer", groups: [] });
    api.tokens.set("token-of-ops", { username: "ops", groups: [] });
    api.tokens.set("token-of-guest", { username: "guest", groups: [] });
    const looks = ["list fleetpolicies", "list nodes"];
    api.rights.set("viewer", looks).set("ops", [...looks, "patch fleetpolicies"]);
    const { client } = api;
    await client.create(
      fleetPolicies,
      {
        name: "web",
        content: { metadata: { name: "web" }, spec: { nodeSelector: { fleet: "fake" }, soak: { seconds: 1 } } },
      },
      stop.signal,
    );
    await using fleet = await FakeFleet.start(client, { count: 6, version: "1.0.0" });
    const first = fleet.names[0] ?? "";
    await api.addHeldPod({ name: "web-1", namespace: "shop", node: first, budget: "web" }, stop.signal);

    const ends = new AbortController();
    const log: string[] = [];
    const operator = new Operator({
      client,
      fetch,
      identity: "pod-1",
      namespace: "default",
      self: undefined,
      log: (message) => void log.push(message),
    });
    const running = operator.run(ends.signal).catch(() => undefined);
    await using served = await serveOperatorConsole({
      source: operatorSource(operator, client, "pod-1"),
      client,
      files: await pageFiles(fleetPage),
      port: 0,
    });
    await fleet.publish({ version: "1.1.0" });
    const address = `http://127.0.0.1:${served.port}/`;
    const enter = async (token: string): Promise<PageDriver> => {
      const page = await PageDriver.open(browser, address);
      await page.fill("#token", token);
      await page.click("button", "Look");
      return page;
    };

    const stranger = await enter("no-such-token");
    await stranger.shows(/the cluster does not know this token/);
    expect(await stranger.seriousViolations()).toEqual([]);
    const guest = await enter("token-of-guest");
    await guest.shows(/guest may not list fleetpolicies in this cluster/);

    const viewer = await enter("token-of-viewer");
    await viewer.shows(new RegExp(`${first} waits for 1 pod to leave.*shop/web-1.*disruption budget web`, "s"));
    const why = await viewer.evaluated("document.querySelector('.verdict button.danger').title");
    expect(why).toBe("viewer may not patch fleetpolicies in this cluster");
    expect(await viewer.page.content()).not.toContain("token-of-viewer");

    const ops = await enter("token-of-ops");
    await ops.shows(new RegExp(`${first} waits for 1 pod`));
    await ops.click("button", "Stop");
    await ops.fill(".verdict input", "the shop is sold out");
    await ops.click("button", "Stop web");
    await ops.shows(/stopped by a person: the shop is sold out \(ops\).*fleet\.orlop\.dev\/stop-/s);
    await ops.openView("history");
    await ops.shows(/ops stops it: the shop is sold out/);
    await ops.shows(/GivenBack/);
    const policy = await client.get(fleetPolicies, { name: "web" }, stop.signal);
    expect(policy?.metadata.annotations[policyAnnotations.stop]).toBe("the shop is sold out (ops)");
    await eventually(async () => {
      const node = await client.get(nodes, { name: first }, stop.signal);
      expect([node?.spec.unschedulable, node?.metadata.annotations[annotations.cordoned]]).toEqual([false, undefined]);
    }, testMs);
    expect(fleet.violations).toEqual([]);

    for (const page of [stranger, guest, viewer, ops]) await page.page.close();
    expect([...viewer.complaints, ...ops.complaints]).toEqual([]);
    ends.abort();
    await running;
  },
  testMs,
);

test(
  "nobody else gets into the operator's page",
  async () => {
    await using api = new MemoryApiServer();
    api.tokens.set("good", { username: "ops", groups: [] });
    api.rights.set("ops", ["list fleetpolicies", "list nodes", "patch fleetpolicies"]);
    await using served = await serveOperatorConsole({
      source: plantedFleet(),
      client: api.client,
      files: await pageFiles(fleetPage),
      port: 0,
    });
    const base = `http://127.0.0.1:${served.port}`;
    const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
      await fetch(`${base}${path}`, { redirect: "manual", ...init });
    const form = { method: "POST", body: new URLSearchParams({ token: "good" }) };
    // Only its own form may post a token: browsers say where a form stood.
    expect((await ask("/session", form)).status).toBe(403);
    expect((await ask("/session", { ...form, headers: { origin: "https://evil.example" } })).status).toBe(403);
    const welcome = await ask("/session", { ...form, headers: { origin: base } });
    expect(welcome.status).toBe(303);
    const location = welcome.headers.get("location") ?? "";
    const cookie = welcome.headers.get("set-cookie") ?? "";
    expect(cookie).toEndWith(`; HttpOnly; SameSite=Strict; Path=${location}`);
    const [own = ""] = cookie.split(";");
    expect((await ask(`${location}events`)).status).toBe(401);
    expect((await ask(location, { headers: { cookie: own } })).status).toBe(200);
    expect((await ask(location, { headers: { cookie: own, host: "fleet.example" } })).status).toBe(421);
    expect((await ask(location, { headers: { cookie: own, "sec-fetch-site": "cross-site" } })).status).toBe(403);
    const json = { cookie: own, "content-type": "application/json" };
    const stopping = { method: "POST", body: JSON.stringify({ policy: "workers", reason: "x" }) };
    expect((await ask(`${location}stop`, { ...stopping, headers: json })).status).toBe(403);
    expect((await ask(`${location}stop`, { ...stopping, headers: { ...json, origin: base } })).status).toBe(200);
    // Whoever loses the right while the session lasts is asked about anew.
    api.rights.set("ops", []);
    expect((await ask(`${location}stop`, { ...stopping, headers: { ...json, origin: base } })).status).toBe(403);
  },
  testMs,
);
