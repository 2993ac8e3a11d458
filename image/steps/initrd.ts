/** The initrd: a small cpio archive with `os/initrd/`, a few programs and the modules of the platform. */
import { chmod, copyFile, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Platform } from "../../variants/variant.ts";
import { moduleOrder, programFiles, programs } from "../initrd/files.ts";
import { packInitrd } from "../initrd/pack.ts";
import { inputFile, type KeyedDirectory } from "../inputs.ts";
import { packagesOf } from "../packages/lock.ts";
import { unpackPackages } from "../packages/unpack-packages.ts";
import type { ImagePlan } from "../plan.ts";
import { kernelVersion } from "../root/kernel-modules.ts";
import { osDirectory } from "../root/os-content.ts";
import { step } from "../step.ts";

/** Programs of the initrd come from packages whose other files it does not need. */
const excluded = ["usr/share", "etc", "var"];

/**
 * Makes `directory/initrd`. Not compressed: unpacking takes longer than reading at these few megabytes.
 *
 * @param root whose kernel modules are taken
 */
export const makeInitrd = step({
  name: ({ variant, architecture }) => `initrd-${variant.name}-${architecture}`,
  label: () => "initrd",
  module: import.meta.path,
  inputs: async ({ tools, lock, variant, epochSeconds, root }: ImagePlan & { root: KeyedDirectory }) => ({
    tools,
    packages: packagesOf(lock, ["initrd"]),
    // By the path where each goes.
    scripts: {
      init: await inputFile(join(osDirectory, "initrd/init")),
      "bin/give-up": await inputFile(join(osDirectory, "initrd/give-up")),
    },
    root,
    platform: variant.platform,
    epochSeconds,
  }),
  async make(directory, { tools, packages, scripts, root, platform, epochSeconds }, fetch) {
    const tree = join(directory, "tree");
    const unpacked = join(directory, "packages");
    await mkdir(unpacked);
    const unpacking = { label: "unpacking programs of the initrd", exclude: excluded };
    await unpackPackages(packages, unpacked, unpacking, fetch);
    for (const name of ["bin", "dev", "modules", "proc", "run", "sys", "sysroot", "usr/lib/execline"]) {
      await mkdir(join(tree, name), { recursive: true });
    }
    // execline's programs start each other by the path they were built for.
    await symlink("/bin", join(tree, "usr/lib/execline/bin"));
    for (const { path, source } of await programFiles(unpacked, programs)) await place(source, join(tree, path), 0o755);
    for (const [path, script] of Object.entries(scripts)) await place(script.path, join(tree, path), 0o755);
    await placeModules(tree, join(root.directory, "root"), platform);
    await packInitrd(tools, tree, join(directory, "initrd"), epochSeconds);
    await rm(unpacked, { recursive: true });
    await rm(tree, { recursive: true });
  },
});

async function place(source: string, target: string, mode: number): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, mode);
}

async function placeModules(tree: string, root: string, platform: Platform): Promise<void> {
  const modules = join(root, "usr/lib/modules", await kernelVersion(root));
  const read = (name: string): Promise<string> => readFile(join(modules, name), "utf8");
  const order = moduleOrder(platform, await read("modules.dep"), await read("modules.builtin"));
  for (const [directory, paths] of [
    ["watchdogs", order.watchdogs],
    ["modules", order.rest],
  ] as const) {
    for (const [index, path] of paths.entries()) {
      const name = `${String(index).padStart(2, "0")}-${basename(path)}`;
      await place(join(modules, path), join(tree, directory, name), 0o644);
    }
  }
}
