/** A setting that the host works out by itself when nobody set it. */
import type { Json } from "../../lib/text/json.ts";
import type { Settings } from "../../settings/model/model.ts";
import type { Group } from "../../settings/groups/group.ts";
import type { Platform } from "../../variants/variant.ts";
import type { Facts } from "../machine/facts.ts";
import type { System } from "../machine/system.ts";

export type Generator = {
  key: `settings.${string}`;
  group: Group;
  /** Absent when it is for every platform. */
  platform?: Platform;
  /** How the value is found, for people. */
  description: string;
  /**
   * The value; undefined when this machine has none, which is no failure.
   *
   * Gives up within half a minute: the boot waits for it.
   */
  generate(host: { system: System; facts: Facts; settings: Settings }, signal: AbortSignal): Promise<Json | undefined>;
};
