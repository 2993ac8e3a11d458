/** Kernel modules that people load into this host, and whether they can build them for the version that comes next. */
import { join } from "node:path";
import { systemErrorCode } from "../../lib/failure.ts";
import { namesIn, readTextIfPresent } from "../../lib/files/files.ts";
import { moduleKitName } from "../../repo/module-kit-name.ts";
import { hostPath, type System } from "../machine/system.ts";
import type { TrustedRepository } from "./fetch/trusted-repository.ts";
import type { UpdateImage } from "./state.ts";

export type MissingKit = { version: string; modules: string[]; kit: string };

/** The flag of a module that is no part of the kernel's source. Source: linux's Documentation/admin-guide/tainted-kernels.rst */
const outOfTree = "O";

/** Names of loaded modules that are not the image's own: what it brings was built with its kernel. */
export async function foreignModules(system: System): Promise<string[]> {
  const folder = hostPath(system, "/sys/module");
  const modules: string[] = [];
  for (const name of (await namesIn(folder)).toSorted()) {
    if ((await taintOf(`${folder}/${name}`))?.includes(outOfTree) === true) modules.push(name);
  }
  return modules;
}

/** Undefined for what is not a module: the kernel has files beside their directories (`/sys/module/compression`). */
async function taintOf(entry: string): Promise<string | undefined> {
  try {
    return await readTextIfPresent(join(entry, "taint"));
  } catch (error) {
    if (systemErrorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** What keeps the modules from being built for a version; undefined when there are none, or the repository has its kit. */
export function missingKit(
  trusted: Pick<TrustedRepository, "target">,
  { variant, arch }: Pick<UpdateImage, "variant" | "arch">,
  version: string,
  modules: readonly string[],
): MissingKit | undefined {
  const kit = moduleKitName({ variant, arch }, version);
  if (modules.length === 0 || trusted.target(kit) !== undefined) return undefined;
  return { version, modules: [...modules], kit };
}
