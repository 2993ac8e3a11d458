/** Every migration. A release that renames, removes or retypes a setting adds a file, and a line here. */
import type { Migration } from "./migration.ts";

export const migrations: readonly Migration[] = [];
