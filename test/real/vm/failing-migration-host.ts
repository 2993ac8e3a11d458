/** The host's programs as a release would have them whose migration fails; see `broken-updates.test.ts`. */
import type { Migration } from "../../../settings/migrations/migration.ts";
import { migrations } from "../../../settings/migrations/all.ts";

const failing: Migration = {
  version: "0.2.0",
  summary: "count the message of the day in lines",
  steps: [{ do: "multiply", key: "settings.motd", by: 2 }],
};
// What a release lists cannot be changed by others; this release was never one.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the list is an array
(migrations as Migration[]).push(failing);
await import("../../../host/main.ts");
