/**
 * How much a host takes at once. `userdata check` holds a document to it, so that no host refuses what `userdata check`
 * took.
 */

/** Settings that one change may hold; user data is one. */
export const settingsPerChange = 10_000;
