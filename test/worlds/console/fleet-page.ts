/** The page of `./orlop fleet console`, as a person opens it: the verb is typed, and its address visited in Chromium. */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { start } from "../../../lib/program/program.ts";
import { startBrowser } from "./browser.ts";
import { PageDriver } from "./page-driver.ts";

const orlop = join(import.meta.dir, "../../../orlop");

export type FleetPage = AsyncDisposable & { driver: PageDriver };

export async function openFleetPage(kubeconfig: string, signal: AbortSignal): Promise<FleetPage> {
  await using opened = new AsyncDisposableStack();
  const browser = opened.use(await startBrowser(signal));
  const argv = [orlop, "fleet", "console", "--kubeconfig", kubeconfig] as const;
  const verb = opened.use(start(argv, { stdout: "ignore", stderr: "pipe", signal }));
  const driver = await PageDriver.open(browser, await addressIn(verb.stderr));
  const open = opened.move();
  return { driver, [Symbol.asyncDispose]: async () => await open.disposeAsync() };
}

/** Read on to its end, so that the verb is never held up by what it says later. */
async function addressIn(notes: ReadableStream<Uint8Array>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const lines: string[] = [];
  createInterface({ input: Readable.fromWeb(notes) })
    .on("line", (line) => {
      lines.push(line);
      const [, address] = /^open (http\S+)$/.exec(line) ?? [];
      if (address !== undefined) resolve(address);
    })
    .on("close", () => reject(new Error(`orlop fleet console gave no address: ${lines.join("\n")}`)));
  return await promise;
}
