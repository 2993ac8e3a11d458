/** Pictures of each view of the console, light and dark, of a host on which a good many things are wrong: `./orlop generate --screenshots`. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { routeNames } from "../console/page/routes.ts";
import { writeFileAtomic } from "../lib/files/files.ts";
import { startBrowser } from "../test/worlds/console/browser.ts";
import { faultyHost } from "../test/worlds/console/faulty-host.ts";
import { consoleOf } from "../test/worlds/console/open-console.ts";

const schemes = ["light", "dark"] as const;
const desk = { width: 1240, height: 860 };
const phone = { width: 390, height: 844 };
const quality = 80;

/** @returns the files that were written, relative to `docs` */
export async function writeScreenshots(docs: string, signal: AbortSignal): Promise<string[]> {
  await using faulty = await faultyHost();
  await using server = await consoleOf({ socket: faulty.host.socket }, { mayWrite: true, signal });
  await using opened = await startBrowser(signal);
  const page = await opened.browser.newPage();
  await page.setViewport(desk);
  await page.goto(server.firstVisit);
  await page.waitForSelector(".verdict .concern");
  await mkdir(join(docs, "console"), { recursive: true });
  const written: string[] = [];
  const shoot = async (name: string): Promise<void> => {
    const file = `console/${name}.webp`;
    await writeFileAtomic(join(docs, file), await page.screenshot({ type: "webp", quality }));
    written.push(file);
  };
  for (const scheme of schemes) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const route of routeNames) {
      await show(page, route);
      await shoot(`${route}-${scheme}`);
    }
  }
  await page.setViewport(phone);
  await show(page, "overview");
  await shoot("phone-dark");
  return written;
}

async function show(page: Page, route: (typeof routeNames)[number]): Promise<void> {
  await page.locator(`nav a[href="#/${route === "overview" ? "" : route}"]`).click();
  await page.waitForFunction(`document.querySelector("main").textContent.trim() !== ""`);
  await page.waitForNetworkIdle({ idleTime: 500, concurrency: 1 });
}
