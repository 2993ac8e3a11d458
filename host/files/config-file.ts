/**
 * A configuration file of another program, as a pure function of settings and facts.
 *
 * Rendering decides nothing about the machine: one reconciler compares, writes, removes and restarts.
 */
import type { Settings } from "../../settings/model/model.ts";
import type { Facts } from "../machine/facts.ts";

export type RenderedFile = {
  /** Absolute, below /etc or /run: what is rendered does not outlive a boot. */
  path: string;
} & ({ mode: number; content: string } | { linkTo: string });

export type UnitName = `${string}.${"service" | "socket" | "target" | "timer" | "mount"}`;

/** In the place of a unit that reloads: the service manager, which must read changed units and drop-ins again. */
export const serviceManager = "daemon-reload";

/** One file, or several whose names depend on settings, that the same units read. */
export type ConfigFiles = {
  /** What status and failures call it: the path where there is one. */
  name: string;
  /** Units that read these files only when they start. */
  restart: readonly UnitName[];
  /** Units that take changes in by reloading. */
  reload: readonly (UnitName | typeof serviceManager)[];
  /** Throws a Failure when the settings or facts ask for something that cannot be written down. */
  render(settings: Settings, facts: Facts): RenderedFile[];
  /** Sentences about settings that could not be written down while all others were. */
  warnings?(settings: Settings): string[];
};

/** A file at a fixed path; it is absent while `render` gives undefined. */
export function configFile(file: {
  path: string;
  mode?: number;
  restart?: readonly UnitName[];
  reload?: ConfigFiles["reload"];
  render(settings: Settings, facts: Facts): string | undefined;
}): ConfigFiles {
  const { path, mode = 0o644, restart = [], reload = [] } = file;
  return {
    name: path,
    restart,
    reload,
    render(settings, facts) {
      const content = file.render(settings, facts);
      return content === undefined ? [] : [{ path, mode, content }];
    },
  };
}
