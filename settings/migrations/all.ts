/** Every migration. A release that renames, removes or retypes a setting adds one here. */
import type { Migration } from "./migration.ts";

export const migrations: readonly Migration[] = [];
