/** What the updater knows of the host that it updates. */
import type { Settings } from "../../settings/groups/group.ts";
import type { Values } from "../datastore/change.ts";
import type { Ailment } from "../machine/ailment.ts";
import type { System } from "../machine/system.ts";
import type { UpdateImage } from "./state.ts";
import type { WriteSize } from "./write/write-stream.ts";

export type UpdaterHost = {
  system: System;
  /** What this host runs. */
  running: UpdateImage;
  settings: () => Settings;
  /** What somebody set, for the rehearsal of migrations. */
  values: () => Values;
  /** What is wrong with this host now, apart from what settings ask for by name; rejects only when the signal aborts. */
  ailments: (signal: AbortSignal) => Promise<Ailment[]>;
  /** Smaller for partitions of a few blocks, in simulations. */
  writeSize?: WriteSize;
};
