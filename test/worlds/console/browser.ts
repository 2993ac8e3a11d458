/** Debian's Chromium, without a screen, from a root of its own: what pages are tested in. */
import { expect } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Browser } from "puppeteer-core";
import { openToolsRoot, toolCommand } from "../../../image/packages/tools-root.ts";
import { start } from "../../../lib/program/program.ts";
import { eventually } from "../../eventually.ts";

export type TestBrowser = AsyncDisposable & { readonly browser: Browser };

/** It listens on loopback, for whoever drives it; of the machine it sees its own profile and nothing else. */
export async function startBrowser(signal: AbortSignal): Promise<TestBrowser> {
  const tools = await openToolsRoot({ sets: ["browser"], signal });
  const profile = await mkdtemp(join(tmpdir(), "orlop-browser-"));
  const argv = [
    "/usr/lib/chromium/chromium",
    "--headless",
    // It is root of a root of its own, where Chromium's own sandbox has nothing to build on.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    `--user-data-dir=${profile}`,
    "--remote-debugging-port=0",
    "about:blank",
  ] as const;
  const [program, ...rest] = toolCommand(tools, argv, { binds: [profile], env: { HOME: profile } });
  await using opened = new AsyncDisposableStack();
  opened.defer(async () => await rm(profile, { recursive: true, force: true }));
  opened.use(start([program, ...rest], { stdout: "ignore", stderr: "ignore", signal }));
  const browser = await connect({ browserWSEndpoint: await endpointIn(profile) });
  opened.defer(async () => await browser.close());
  const open = opened.move();
  return { browser, [Symbol.asyncDispose]: async () => await open.disposeAsync() };
}

/** Where Chromium listens, once it does. */
async function endpointIn(profile: string): Promise<string> {
  let lines: string[] = [];
  await eventually(async () => {
    lines = (await readFile(join(profile, "DevToolsActivePort"), "utf8")).split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(2);
  }, 60_000);
  return `ws://127.0.0.1:${lines[0]}${lines[1]}`;
}
