/**
 * The pages: how soon a host's is there, how long frames of a fleet of 5,000 nodes take while it is scrolled and while it moves,
 * and what a host pays for ten pages that are looked at. In Debian's Chromium, without a graphics card.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { z } from "zod";
import { fleetPage } from "../cluster/console/fleet-page.ts";
import { openFleetConsole } from "../cluster/console/open-fleet-console.ts";
import { simulationSource } from "../cluster/console/sources/simulation-source.ts";
import { hostPage } from "../console/server/host-page.ts";
import { executable } from "../host/names.ts";
import { machineArchitecture } from "../image/packages/tools-root.ts";
import { machineClock } from "../lib/clock.ts";
import { say } from "../lib/progress.ts";
import { compileHost } from "../programs/compile.ts";
import { startBrowser, type TestBrowser } from "../test/worlds/console/browser.ts";
import { consoleOf } from "../test/worlds/console/open-console.ts";
import { rollingScenario } from "../test/worlds/fleet/rolling-fleet.ts";
import { bundlePage, packed } from "../web/server/bundle.ts";
import { computer, median, percentile, type BenchReport, type Figure } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

const loads = 9;
const nodes = 5_000;
const framesMs = 10_000;
const pages = 10;
/** Long enough that what grows slowly is seen. */
const openMs = 60 * 60_000;
/** When a process that only had to start has done so. */
const settledMs = 10 * 60_000;
const limits = { bundleBytes: 300_000, paintMs: 1_000, openBytes: 256 * 1024 * 1024 };

export async function benchConsole(signal: AbortSignal): Promise<BenchReport> {
  await using browser = await startBrowser(signal);
  const frames = await frameFigures(browser, signal);
  const host = await hostFigures(browser, signal);
  const bytes = packed(await bundlePage(hostPage)).length + packed(await bundlePage(fleetPage)).length;
  return {
    benchmark: "console",
    ours: "the page of hostd on loopback, and that of a simulated fleet in which a roll-out goes on",
    limit:
      "300 kB, a second, and the memory that hostd may take; for frames, those of an empty page in the same browser",
    figures: [
      {
        name: "both pages, compressed",
        unit: "bytes",
        ours: bytes,
        limit: limits.bundleBytes,
        goal: { beside: "limit", atMost: 1 },
      },
      ...host,
      ...frames,
    ],
    notes: [
      `first paint: median of ${loads} loads, as the browser measures it; frames: ${framesMs / 1000} s each, by requestAnimationFrame`,
      `${nodes} nodes, 10 % of them under work at a time, 600 s of the fleet in one; a look each second`,
      `${pages} pages, each with a console of its own, looked at for ${openMs / 60_000} minutes; ten pages of one console cost a host as much as one`,
    ],
    computer: computer(),
  };
}

async function hostFigures(browser: TestBrowser, signal: AbortSignal): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), "bench-console-"));
  try {
    say("compiling the host's programs");
    const program = join(directory, executable);
    await compileHost(machineArchitecture(), program);
    const socket = join(directory, "api.sock");
    const hostd = [program, "hostd", "--root", join(directory, "root"), "--socket", socket] as const;
    await using server = await ServerProcess.start(hostd, socket, "/settings");
    const paintMs = await firstPaints(browser, socket, signal);
    await machineClock.sleep(5_000, signal);
    const restBytes = await server.residentBytes();
    const { settledBytes, endBytes } = await withPagesOpen(server, socket, signal);
    return [
      {
        name: "first paint of a host's page",
        unit: "milliseconds",
        ours: median(paintMs),
        limit: limits.paintMs,
        goal: { beside: "limit", atMost: 1 },
      },
      { name: "hostd with no page", unit: "bytes", ours: restBytes },
      { name: `hostd with ${pages} pages, after ${settledMs / 60_000} minutes`, unit: "bytes", ours: settledBytes },
      {
        name: `hostd with ${pages} pages, after ${openMs / 60_000} minutes`,
        unit: "bytes",
        ours: endBytes,
        limit: limits.openBytes,
        goal: { beside: "limit", atMost: 1 },
      },
    ];
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function firstPaints(browser: TestBrowser, socket: string, signal: AbortSignal): Promise<number[]> {
  await using server = await consoleOf({ socket }, { signal });
  const page = await browser.browser.newPage();
  await page.goto(server.firstVisit);
  const times: number[] = [];
  for (let load = 0; load < loads; load++) {
    await page.reload({ waitUntil: "networkidle2" });
    const paint: unknown = await page.evaluate(
      "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN",
    );
    times.push(z.number().parse(paint));
  }
  await page.close();
  return times;
}

async function withPagesOpen(
  server: ServerProcess,
  socket: string,
  signal: AbortSignal,
): Promise<{ settledBytes: number; endBytes: number }> {
  say(`${pages} pages for ${openMs / 60_000} minutes`);
  await using opened = new AsyncDisposableStack();
  const over = new AbortController();
  opened.defer(() => over.abort());
  for (let page = 0; page < pages; page++) {
    const consoleServer = opened.use(await consoleOf({ socket }, { signal }));
    const welcome = await fetch(consoleServer.firstVisit, { redirect: "manual" });
    const cookie = welcome.headers.get("set-cookie")?.split(";")[0] ?? "";
    const [base = ""] = consoleServer.firstVisit.split("?");
    const events = await fetch(`${base}events`, { headers: { cookie }, signal: over.signal });
    void events.bytes().catch(() => undefined); // read until this ends
  }
  await machineClock.sleep(settledMs, signal);
  const settledBytes = await server.residentBytes();
  await machineClock.sleep(openMs - settledMs, signal);
  return { settledBytes, endBytes: await server.residentBytes() };
}

async function frameFigures({ browser }: TestBrowser, signal: AbortSignal): Promise<Figure[]> {
  const source = simulationSource(rollingScenario(nodes), 600, machineClock);
  const program = "orlop bench console";
  await using server = await openFleetConsole(source, { program, mayWrite: false, port: 0 });
  const page = await browser.newPage();
  await page.setViewport({ width: 1240, height: 900 });
  const empty = await framesOf(page, "", signal);
  await page.goto(server.firstVisit);
  await page.waitForSelector(".map");
  // The first minutes of the fleet are those in which its hosts look for updates.
  await machineClock.sleep(5_000, signal);
  say("frames of the map, while the fleet moves");
  const map = await framesOf(page, "", signal);
  await page.evaluate("location.hash = '#/nodes'");
  await page.waitForSelector(".rows-window [role=row]");
  say("frames of the list, while it is scrolled");
  const list = await framesOf(page, "const seen = document.querySelector('.rows-seen'); seen.scrollTop += 60;", signal);
  await page.close();
  const rows = (subject: string, times: readonly number[]): Figure[] => [
    { name: `${subject}, half of the frames`, unit: "milliseconds", ours: median(times), limit: median(empty) },
    {
      name: `${subject}, 99 of 100 frames`,
      unit: "milliseconds",
      ours: percentile(times, 0.99),
      limit: percentile(empty, 0.99),
    },
    {
      name: `${subject}, the longest frame`,
      unit: "milliseconds",
      ours: percentile(times, 1),
      limit: percentile(empty, 1),
    },
  ];
  return [...rows("map that moves", map), ...rows("list that is scrolled", list)];
}

/** How long each frame took, in milliseconds. @param each what is done in each frame */
async function framesOf(page: Page, each: string, signal: AbortSignal): Promise<number[]> {
  signal.throwIfAborted();
  const times: unknown = await page.evaluate(`new Promise((resolve) => {
    const times = [];
    const began = performance.now();
    let last = began;
    const frame = (now) => {
      if (now > last) times.push(now - last);
      last = now;
      ${each}
      if (now - began > ${framesMs}) resolve(times);
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  })`);
  return z.array(z.number()).parse(times);
}
