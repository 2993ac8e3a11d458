/**
 * Somebody who looks at the page of a cluster's fleet while a roll-out goes on there: `./orlop fleet console` for a kubeconfig,
 * in Chromium.
 *
 *     onlooker = await FleetOnlooker.open(cluster.controlPlane.kubeconfig); // once: Chromium takes seconds to start
 *     await onlooker.sees("", /worker-1 reboots/); // by which sentence it goes, is held or halted; what is wrong
 *     await onlooker.sees("node/worker-1", /worker-1 soaks .*What was done with it.*Rebooting/s);
 *     await onlooker.sees("history", /Whole update.*worker-1✓ Updated/s);
 *     expect(onlooker.complaints).toEqual([]);
 *     await onlooker[Symbol.asyncDispose]();
 *
 * A view is what stands behind "#/": "", "nodes", "when", "history" or "node/NAME". Of the page its texts are looked at, as one
 * line: nothing stands between those of two elements.
 */
import { expect } from "bun:test";
import { openSync, closeSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "../../../lib/program/program.ts";
import { eventually } from "../../eventually.ts";
import { startBrowser } from "./browser.ts";
import { limitMs, PageDriver } from "./page-driver.ts";

const orlop = join(import.meta.dir, "../../../orlop");

export class FleetOnlooker implements AsyncDisposable {
  readonly #opened: AsyncDisposableStack;
  readonly #driver: PageDriver;

  private constructor(opened: AsyncDisposableStack, driver: PageDriver) {
    this.#opened = opened;
    this.#driver = driver;
  }

  /** @param kubeconfig a path; the page only looks, whatever its user may do */
  static async open(kubeconfig: string): Promise<FleetOnlooker> {
    await using opened = new AsyncDisposableStack();
    const stop = new AbortController();
    opened.defer(() => stop.abort());
    const directory = await mkdtemp(join(tmpdir(), "orlop-onlooker-"));
    opened.defer(async () => await rm(directory, { recursive: true }));
    const notes = join(directory, "notes");
    const descriptor = openSync(notes, "w");
    opened.defer(() => closeSync(descriptor));
    opened.use(
      start([orlop, "fleet", "console", "--kubeconfig", kubeconfig], { stdout: "ignore", stderr: descriptor }),
    );
    let address = "";
    await eventually(async () => {
      const text = await readFile(notes, "utf8");
      expect(text).toMatch(/^open http/m);
      address = /^open (\S+)$/m.exec(text)?.[1] ?? "";
    }, limitMs);
    const driver = await PageDriver.open(opened.use(await startBrowser(stop.signal)), address);
    return new FleetOnlooker(opened.move(), driver);
  }

  /** Waits for it, and moves about the page as a person would who looks for it. @throws what the page has instead */
  async sees(view: string, sentence: RegExp): Promise<void> {
    await this.#driver.page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`);
    await this.#driver.shows(sentence);
  }

  /** What the browser complained about, so far: scripts that failed, and what the policy of the page refused. */
  get complaints(): readonly string[] {
    return this.#driver.complaints;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}
