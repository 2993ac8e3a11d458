/** Protects: a program in a container has its terminal in the page: what is typed reaches it, and what it prints is on the screen. */
import { expect, test } from "bun:test";
import { eventually } from "../test/eventually.ts";
import { startBrowser } from "../test/worlds/console/browser.ts";
import { consoleOf } from "../test/worlds/console/open-console.ts";
import { limitMs, PageDriver, testMs } from "../test/worlds/console/page-driver.ts";
import { runningHost } from "../test/worlds/host/running-host.ts";

test(
  "what is typed in a terminal reaches the program, and what that prints is on the screen until it ends",
  async () => {
    await using opened = new AsyncDisposableStack();
    const stop = new AbortController();
    opened.defer(() => stop.abort());
    const host = opened.use(await runningHost());
    const running = "ActiveState=active\nSubState=running\nNRestarts=0\n";
    const usual = host.machine.programs.get("systemctl");
    host.machine.programs.set("systemctl", async (argv, limits) => {
      if (!argv.some((word) => word.includes("NRestarts"))) return (await usual?.(argv, limits)) ?? "";
      return argv
        .filter((word) => word.includes("@"))
        .map((unit) => `Id=${unit}\n${running}`)
        .join("\n");
    });
    const admin = { enabled: true, source: "registry.example.com/admin:v1" };
    await host.api.call("changeSettings", { query: { wait: true }, body: { set: { "host-containers": { admin } } } });

    /** As a shell does, it says back what was typed. */
    const sizes: unknown[] = [];
    const server = opened.use(
      await consoleOf(
        { socket: host.socket },
        {
          mayWrite: true,
          signal: stop.signal,
          async exec({ target, command, terminal, input, output }) {
            sizes.push(terminal?.size);
            await output(Buffer.from(`${command.join(" ")} in \u{1b}[32m${target}\u{1b}[0m $ `));
            for await (const bytes of input) {
              if (Buffer.from(bytes).includes("\r")) return 3;
              await output(bytes);
            }
            return 0;
          },
        },
      ),
    );
    const driver = await PageDriver.open(opened.use(await startBrowser(stop.signal)), server.firstVisit);
    await driver.openView("containers");
    await driver.click("button", "Terminal");
    await driver.fill(".card input", "sh -l");
    await driver.click("button", "Run");
    const screen = async (): Promise<string> =>
      await driver.evaluated("document.querySelector('.xterm-rows')?.textContent");
    await eventually(async () => expect(await screen()).toMatch(/sh -l in admin \$/), limitMs);
    await driver.page.focus(".xterm-helper-textarea");
    await driver.page.keyboard.type("make all");
    await eventually(async () => expect(await screen()).toMatch(/\$\s+make\s+all/), limitMs);
    expect(await driver.seriousViolations()).toEqual([]);
    await driver.page.keyboard.type("\n");
    await driver.shows(/sh -l ended with exit code 3/);
    expect(sizes).toEqual([{ rows: expect.any(Number), cols: expect.any(Number) }]);
    expect(driver.complaints).toEqual([]);
  },
  testMs,
);
