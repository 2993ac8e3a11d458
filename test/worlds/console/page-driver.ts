/** A page in Chromium as a script sees it: by words, as a person would, with the patience of a busy computer. */
import { expect } from "bun:test";
import { readFile } from "node:fs/promises";
import type { Page } from "puppeteer-core";
import { z } from "zod";
import { eventually } from "../../eventually.ts";
import type { TestBrowser } from "./browser.ts";

/** For what one looks for. Only what never comes takes so long. */
export const limitMs = 180_000;
/** For a whole test, as the last argument of `test`. */
export const testMs = 900_000;

/** Of axe's answer, as far as a test has to know it. */
const violations = z.array(
  z.object({ id: z.string(), impact: z.string().nullish(), nodes: z.array(z.object({ html: z.string() })) }),
);

export class PageDriver {
  readonly page: Page;
  /** What the browser complained about: scripts that failed, and what the policy refused. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  static async open({ browser }: TestBrowser, address: string): Promise<PageDriver> {
    const driver = new PageDriver(await browser.newPage());
    await driver.page.setViewport({ width: 1240, height: 900 });
    await driver.page.goto(address);
    return driver;
  }

  /** What an expression of the page's own language is there, as text. */
  async evaluated(expression: string): Promise<string> {
    return String(await this.page.evaluate(expression));
  }

  async text(): Promise<string> {
    return await this.evaluated("document.querySelector('main').textContent");
  }

  async shows(sentence: RegExp): Promise<void> {
    await eventually(async () => expect(await this.text()).toMatch(sentence), limitMs);
  }

  /** By the words that it begins with. Not by its place, which what arrives meanwhile may move. */
  async click(kind: "button" | "summary" | "a", words: string): Promise<void> {
    await eventually(async () => {
      for (const element of await this.page.$$(`${kind}:enabled, ${kind}:not(button)`)) {
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
  async fill(selector: string, value: string): Promise<void> {
    const input = await this.page.waitForSelector(selector, { timeout: limitMs });
    await input?.focus();
    await this.page.evaluate(`document.querySelector(${JSON.stringify(selector)}).select()`);
    await this.page.keyboard.type(value);
  }

  /** @param address behind "#/" */
  async openView(address: string): Promise<void> {
    // Not by the pointer, which waits until a page that moves has stood still for two frames.
    await eventually(async () => {
      await this.page.evaluate(`document.querySelector('nav a[href="#/${address}"]')?.click()`);
      expect(await this.view()).toBe(`#/${address}`);
    }, limitMs);
    await this.shows(/./);
  }

  /** The address of the view that the page's own list marks, as "#/history". */
  async view(): Promise<string> {
    return await this.evaluated("document.querySelector('nav [aria-current]').getAttribute('href')");
  }

  /** To where no view of the page's own list leads. @param address behind "#/" */
  async follow(address: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(`#/${address}`)}`);
  }

  /**
   * What axe calls serious or critical on the page as it is.
   *
   * @param scheme of a page that was looked at in light, dark has nothing new but colours
   */
  async seriousViolations(scheme: "light" | "dark" = "light"): Promise<string[]> {
    if ((await this.evaluated("typeof axe")) === "undefined") {
      await this.page.evaluate(await readFile(Bun.resolveSync("axe-core/axe.min.js", import.meta.dir), "utf8"));
    }
    const only = scheme === "dark" ? ", runOnly: ['color-contrast']" : "";
    const found: unknown = await this.page.evaluate(
      `axe.run(document, { resultTypes: ['violations']${only} }).then(({ violations }) => violations)`,
    );
    return violations
      .parse(found)
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  }

  async width(): Promise<number> {
    return Number(await this.evaluated("document.documentElement.scrollWidth"));
  }

  async focused(): Promise<string> {
    return await this.evaluated("document.activeElement.textContent");
  }
}
