/**
 * Loads the modules that `settings.kernel.modules` wants loaded. Which ones may not be is written by `host/files`.
 *
 * There is no modules-load.d file: /etc is empty when systemd reads those, and this runs at every boot. What modprobe
 * answered about a name that `/sys/module` does not have is kept in `/run/orlop/modules`: it is built in, or an alias
 * of others, or the kernel has no such module, which is a warning.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { namesIn, writeFileAtomic } from "../../../lib/files/files.ts";
import { Failure } from "../../../lib/failure.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { activeState, actOnUnit } from "../../machine/unit.ts";
import { reconciler } from "../reconciler.ts";

const answersDirectory = "/run/orlop/modules";

type Desired = { load: string[]; denied: string[] };
/** Of modprobe about a name: everything it stands for is in the kernel, or there is no such module. */
type Answer = "in-kernel" | "unknown";
type Actual = { loaded: ReadonlySet<string>; answers: ReadonlyMap<string, Answer> };

export const kernelModules = reconciler<Desired, Actual, string>({
  name: "kernel-modules",
  desired({ kernel }) {
    const modules = Object.entries(kernel.modules);
    return {
      load: modules.filter(([, { allowed, autoload }]) => allowed && autoload).map(([name]) => asLoaded(name)),
      denied: modules.filter(([, { allowed }]) => !allowed).map(([name]) => asLoaded(name)),
    };
  },
  async observe(system) {
    return { loaded: await loadedModules(system), answers: await readAnswers(system) };
  },
  plan: ({ load }, { loaded, answers }) => load.filter((name) => !loaded.has(name) && !answers.has(name)),
  warnings: ({ load }, { loaded, answers }) =>
    load.filter((name) => !loaded.has(name) && answers.get(name) === "unknown").map(unknownModule),
  rebootNeeded: ({ denied }, { loaded }) =>
    denied
      .filter((name) => loaded.has(name))
      .map((name) => `settings.kernel.modules.${name}.allowed is false, but the module is loaded`),
  describe: (name) => ({ description: `load kernel module ${name}` }),
  // A unit loads it, so that this program needs no right to load modules, or to look at them.
  async apply(system, name) {
    const unit = `load-module@${name}.service`;
    await actOnUnit(system, "restart", unit); // it may have loaded a module that somebody removed since
    if ((await loadedModules(system)).has(name)) return;
    const answer = (await isSkipped(system, unit)) ? "unknown" : "in-kernel";
    await writeFileAtomic(join(hostPath(system, answersDirectory), name), answer);
    if (answer === "unknown") throw new Failure("lacking", unknownModule(name));
  },
  afterFailure: "continue",
});

const unknownModule = (name: string): string => `cannot load kernel module ${name}: the kernel has no such module`;

/** The kernel writes underscores where people may write hyphens. */
const asLoaded = (name: string): string => name.replaceAll("-", "_");

/** Loaded modules, and those that are built in and have parameters. */
async function loadedModules(system: System): Promise<ReadonlySet<string>> {
  return new Set(await namesIn(hostPath(system, "/sys/module")));
}

/**
 * The unit's condition is that modprobe knows the module. One that ran stays active; of one that was skipped, systemd
 * forgets all but that it is inactive.
 */
async function isSkipped(system: System, unit: string): Promise<boolean> {
  return (await activeState(system, unit)) === "inactive";
}

async function readAnswers(system: System): Promise<ReadonlyMap<string, Answer>> {
  const directory = hostPath(system, answersDirectory);
  const answers = new Map<string, Answer>();
  for (const name of await namesIn(directory)) {
    const answer = await readFile(join(directory, name), "utf8");
    if (answer === "in-kernel" || answer === "unknown") answers.set(name, answer);
  }
  return answers;
}
