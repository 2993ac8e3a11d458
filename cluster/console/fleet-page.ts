/** What the page of a fleet is bundled from. */
import { join } from "node:path";
import type { PageSource } from "../../web/server/page-file.ts";

export const fleetPage: PageSource = {
  name: "fleet-page",
  directory: join(import.meta.dir, "page"),
  entries: ["main.tsx", "style.css"],
};
