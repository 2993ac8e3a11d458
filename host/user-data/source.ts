/** What a place that may hold user data gives: documents as they are, settings that it knows by itself, or why it does not. */
import type { SettingsTree } from "../../settings/model/model.ts";
import type { Variant } from "../../variants/variant.ts";
import type { System } from "../machine/system.ts";

export type UserData = {
  /** Where it is from, for people: "/var/lib/orlop/user-data.toml", "EC2 user data". */
  from: string;
} & ({ document: Uint8Array } | { settings: SettingsTree } | { problem: string });

/**
 * Reads one place; [] when it has nothing. Rejects when the place cannot be read, or holds what makes no sense.
 */
export type ReadUserData = (system: System, signal: AbortSignal, variant: Variant) => Promise<UserData[]>;
