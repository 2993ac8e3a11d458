/** Pictures of each view of the pages, light and dark, of a host and a fleet on which a good many things are wrong: `./orlop generate --screenshots`. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { openFleetConsole } from "../cluster/console/open-fleet-console.ts";
import type { FleetSource } from "../cluster/console/fleet-source.ts";
import { routeNames } from "../console/page/routes.ts";
import { writeFileAtomic } from "../lib/files/files.ts";
import { startBrowser, type TestBrowser } from "../test/worlds/console/browser.ts";
import { faultyHost } from "../test/worlds/console/faulty-host.ts";
import { consoleOf } from "../test/worlds/console/open-console.ts";
import { plantedFleet } from "../test/worlds/fleet/planted-fleet.ts";
import { rollingFleet } from "../test/worlds/fleet/rolling-fleet.ts";

const schemes = ["light", "dark"] as const;
const desk = { width: 1240, height: 860 };
const phone = { width: 390, height: 844 };
const quality = 80;

/** Where each view of the fleet's page is, behind "#/". */
const fleetViews = { fleet: "", nodes: "nodes", when: "when", history: "history", node: "node/ingress-01" } as const;

/** @returns the files that were written, relative to `docs` */
export async function writeScreenshots(docs: string, signal: AbortSignal): Promise<string[]> {
  await using browser = await startBrowser(signal);
  return [
    ...(await hostPictures(docs, browser, signal)),
    ...(await fleetPictures(docs, browser)),
    ...(await largeFleetPictures(docs, browser)),
  ];
}

/** Takes pictures of one page, and keeps which. */
class Camera {
  readonly page: Page;
  readonly #docs: string;
  readonly #folder: string;
  readonly written: string[] = [];

  constructor(page: Page, docs: string, folder: string) {
    this.page = page;
    this.#docs = docs;
    this.#folder = folder;
  }

  static async at(address: string, { browser }: TestBrowser, docs: string, folder: string): Promise<Camera> {
    await mkdir(join(docs, folder), { recursive: true });
    const page = await browser.newPage();
    await page.setViewport(desk);
    await page.goto(address);
    await page.waitForSelector(".verdict");
    return new Camera(page, docs, folder);
  }

  /** @param view behind "#/" */
  async show(view: string): Promise<void> {
    await this.page.evaluate(`location.hash = "#/${view}"`);
    await this.page.waitForFunction(`document.querySelector("main").textContent.trim() !== ""`);
    await this.page.waitForNetworkIdle({ idleTime: 500, concurrency: 1 });
  }

  async dress(scheme: (typeof schemes)[number]): Promise<void> {
    await this.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  }

  async shoot(name: string): Promise<void> {
    const file = `${this.#folder}/${name}.webp`;
    await writeFileAtomic(join(this.#docs, file), await this.page.screenshot({ type: "webp", quality }));
    this.written.push(file);
  }
}

async function hostPictures(docs: string, browser: TestBrowser, signal: AbortSignal): Promise<string[]> {
  await using faulty = await faultyHost();
  await using server = await consoleOf({ socket: faulty.host.socket }, { mayWrite: true, signal });
  const camera = await Camera.at(server.firstVisit, browser, docs, "console");
  await camera.page.waitForSelector(".verdict .concern");
  for (const scheme of schemes) {
    await camera.dress(scheme);
    for (const route of routeNames) {
      await camera.show(route === "overview" ? "" : route);
      await camera.shoot(`${route}-${scheme}`);
    }
  }
  await camera.page.setViewport(phone);
  await camera.show("");
  await camera.shoot("phone-dark");
  return camera.written;
}

const openedFleet = async (source: FleetSource) =>
  await openFleetConsole(source, { program: "orlop fleet console", mayWrite: true, port: 0 });

async function fleetPictures(docs: string, browser: TestBrowser): Promise<string[]> {
  await using server = await openedFleet(plantedFleet());
  const camera = await Camera.at(server.firstVisit, browser, docs, "fleet-console");
  for (const scheme of schemes) {
    await camera.dress(scheme);
    for (const [name, view] of Object.entries(fleetViews)) {
      await camera.show(view);
      await camera.shoot(`${name}-${scheme}`);
    }
  }
  await camera.page.setViewport(phone);
  await camera.show("");
  await camera.shoot("phone-dark");
  return camera.written;
}

/** What the map is for. */
async function largeFleetPictures(docs: string, browser: TestBrowser): Promise<string[]> {
  await using server = await openedFleet(rollingFleet(5_000, 5));
  const camera = await Camera.at(server.firstVisit, browser, docs, "fleet-console");
  for (const scheme of schemes) {
    await camera.dress(scheme);
    await camera.show("");
    await camera.shoot(`large-${scheme}`);
  }
  return camera.written;
}
