/** What the page of a host is bundled from. */
import { join } from "node:path";
import type { PageSource } from "../../web/server/page-file.ts";

export const hostPage: PageSource = {
  name: "host-page",
  directory: join(import.meta.dir, "../page"),
  // The terminal is loaded when one is opened.
  entries: ["main.tsx", "terminal.ts", "style.css"],
};
