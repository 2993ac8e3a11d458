/**
 * Loads the modules that `settings.kernel.modules` wants loaded. Which ones may not be is written by `host/files`.
 *
 * There is no modules-load.d file: /etc is empty when systemd reads those, and this runs at every boot.
 */
import { namesIn } from "../../lib/files.ts";
import { Failure } from "../../lib/failure.ts";
import { hostPath, type System } from "../system.ts";
import { actOnUnit } from "./failed-unit.ts";
import { reconciler } from "./reconciler.ts";

type Desired = { load: string[]; denied: string[] };

export const kernelModules = reconciler<Desired, ReadonlySet<string>, string>({
  name: "kernel-modules",
  desired({ kernel }) {
    const modules = Object.entries(kernel.modules);
    return {
      load: modules.filter(([, { allowed, autoload }]) => allowed && autoload).map(([name]) => asLoaded(name)),
      denied: modules.filter(([, { allowed }]) => !allowed).map(([name]) => asLoaded(name)),
    };
  },
  observe: loadedModules,
  plan: ({ load }, loaded) => load.filter((name) => !loaded.has(name)),
  rebootNeeded: ({ denied }, loaded) =>
    denied
      .filter((name) => loaded.has(name))
      .map((name) => `settings.kernel.modules.${name}.allowed is false, but the module is loaded`),
  describe: (name) => ({ says: `load kernel module ${name}` }),
  // A unit loads it, so that this program needs no right to load modules.
  async apply(system, name) {
    await actOnUnit(system, "start", `load-module@${name}.service`);
    if ((await loadedModules(system)).has(name)) return;
    throw new Failure("module-not-loaded", `cannot load kernel module ${name}: it is not there after modprobe`);
  },
  afterFailure: "continue",
});

/** The kernel writes underscores where people may write hyphens. */
const asLoaded = (name: string): string => name.replaceAll("-", "_");

/** Loaded modules, and those that are built in and have parameters. */
async function loadedModules(system: System): Promise<ReadonlySet<string>> {
  return new Set(await namesIn(hostPath(system, "/sys/module")));
}
