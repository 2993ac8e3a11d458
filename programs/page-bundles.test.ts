import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { fleetPage } from "../cluster/console/fleet-page.ts";
import { hostPage } from "../console/server/host-page.ts";
import { bundlePage, packed } from "../web/server/bundle.ts";

test.each([hostPage, fleetPage])(
  "$name is under 300 kB compressed, and what is needed at first under 100",
  async (source) => {
    const files = await bundlePage(source);
    expect(packed(files).length).toBeLessThan(300_000);
    const first = ["index.html", "main.js", "style.css", "icon.svg"].map(
      (name) => gzipSync(files.get(name)?.text ?? "").length,
    );
    expect(first.every((bytes) => bytes > 0)).toBe(true);
    expect(first.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(100_000);
    // The same source gives the same bytes.
    expect(await bundlePage(source)).toEqual(files);
  },
);

test("a script that is loaded when it is needed is loaded from its own file", async () => {
  for (const source of [hostPage, fleetPage]) {
    const files = await bundlePage(source);
    const scripts = [...files.keys()].filter((name) => name.endsWith(".js") && name !== "main.js");
    expect(scripts).toEqual(source === hostPage ? ["terminal.js"] : []);
    for (const name of scripts) expect([name, files.get("main.js")?.text.includes(`"${name}"`)]).toEqual([name, true]);
  }
});
