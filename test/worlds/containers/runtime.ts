/** The runtime of hosts, for tests that run it on this machine: the programs that every host has, in a root of their own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputFile } from "../../../image/inputs.ts";
import { packagesOf, readLock } from "../../../image/packages/lock.ts";
import { machineArchitecture, type ToolsRoot } from "../../../image/packages/tools-root.ts";
import { unpackPackages } from "../../../image/packages/unpack-packages.ts";
import { makeProgram, placeProgram } from "../../../image/recipes/programs.ts";
import { step } from "../../../image/step.ts";
import { basePrograms, type Variant } from "../../../variants/variant.ts";

/** Where the programs are not in the cache, they are compiled first. */
export const compileMs = 15 * 60_000;

/** What sandboxes put something at; they only read the root. */
const mountPoints = ["dev", "proc", "run", "sys", "tmp", "etc", "var/lib/containerd", "var/lib/host-containerd"];

const makeRuntime = step({
  name: () => `runtime-${machineArchitecture()}`,
  label: () => "the runtime of hosts, for tests",
  module: import.meta.path,
  inputs: async ({ programs }: { programs: Readonly<Record<string, InputFile>> }) => ({
    programs,
    packages: packagesOf(await readLock(machineArchitecture()), ["runtime"]),
  }),
  async make(directory, { programs, packages }, fetch) {
    await unpackPackages(packages, directory, { label: "unpacking what the runtime stands on", exclude: [] }, fetch);
    for (const [place, { path }] of Object.entries(programs)) await placeProgram(path, join(directory, place));
    for (const place of mountPoints) await mkdir(join(directory, place), { recursive: true });
    // A place for the machine's own, and the one name that is everywhere.
    await writeFile(join(directory, "etc/resolv.conf"), "");
    await writeFile(join(directory, "etc/hosts"), "127.0.0.1 localhost\n");
  },
});

export async function openRuntime(named: Variant["programs"] = basePrograms): Promise<ToolsRoot> {
  const programs: Record<string, InputFile> = {};
  for (const [place, name] of Object.entries(named)) {
    const { path, sha256 } = await makeProgram(name, { architecture: machineArchitecture() });
    programs[place] = new InputFile(path, sha256);
  }
  return { directory: (await makeRuntime({ programs }, {})).directory };
}
