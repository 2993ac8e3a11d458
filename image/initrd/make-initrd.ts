/** The initrd: a small cpio archive with `os/initrd/`, a few programs and the modules of the platform. */
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Platform } from "../../variants/variant.ts";
import { fetchPackages } from "../packages/fetch.ts";
import { type Lock, packagesOf } from "../packages/lock.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { unpackAll } from "../packages/unpack.ts";
import { kernelVersion } from "../root/kernel-modules.ts";
import { osDirectory } from "../root/os-content.ts";
import { setTimes, walk } from "../root/tree.ts";
import { moduleOrder, programFiles } from "./files.ts";

export type InitrdInputs = {
  tools: ToolsRoot;
  lock: Lock;
  platform: Platform;
  /** The root whose kernel modules are taken. */
  root: string;
  epochSeconds: number;
  mirror?: string;
  cache?: string;
  signal?: AbortSignal;
};

/** Scripts of `os/initrd/`, with where they go. */
export const scripts = { init: "init", "give-up": "bin/give-up" } as const;

/** Identifies the scripts. */
export async function initrdContentHash(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of Object.keys(scripts)) hash.update(await readFile(join(osDirectory, "initrd", name))).update("\0");
  return hash.digest("hex");
}

/** Makes `directory/initrd`. Not compressed: unpacking takes longer than reading at these few megabytes. */
export async function makeInitrd(directory: string, inputs: InitrdInputs): Promise<void> {
  const tree = join(directory, "tree");
  const packages = join(directory, "packages");
  await unpackPackages(packages, inputs);
  for (const name of ["bin", "dev", "modules", "proc", "run", "sys", "sysroot", "usr/lib/execline"]) {
    await mkdir(join(tree, name), { recursive: true });
  }
  // execline's programs start each other by the path they were built for.
  await symlink("/bin", join(tree, "usr/lib/execline/bin"));
  for (const { path, source } of await programFiles(packages)) await place(source, join(tree, path), 0o755);
  for (const [name, path] of Object.entries(scripts)) {
    await place(join(osDirectory, "initrd", name), join(tree, path), 0o755);
  }
  await placeModules(tree, inputs);
  await pack(directory, tree, inputs);
  await rm(packages, { recursive: true });
  await rm(tree, { recursive: true });
}

async function unpackPackages(directory: string, { lock, mirror, cache, signal }: InitrdInputs): Promise<void> {
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(mirror === undefined ? {} : { mirror }),
    ...(cache === undefined ? {} : { cache }),
  };
  const packages = packagesOf(lock, ["initrd"]);
  const files = await fetchPackages(packages, options);
  const debs = packages.map(({ name, sha256 }) => ({ name, file: files.get(sha256) ?? "" }));
  const exclude = ["usr/share", "etc", "var"];
  await mkdir(directory);
  await unpackAll(debs, directory, { says: "unpacking programs of the initrd", exclude, ...options });
}

async function place(source: string, target: string, mode: number): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, mode);
}

async function placeModules(tree: string, { root, platform }: InitrdInputs): Promise<void> {
  const modules = join(root, "usr/lib/modules", await kernelVersion(root));
  const read = (name: string): Promise<string> => readFile(join(modules, name), "utf8");
  const order = moduleOrder(platform, await read("modules.dep"), await read("modules.builtin"));
  for (const [directory, paths] of [
    ["watchdogs", order.watchdogs],
    ["modules", order.others],
  ] as const) {
    for (const [index, path] of paths.entries()) {
      const name = `${String(index).padStart(2, "0")}-${basename(path)}`;
      await place(join(modules, path), join(tree, directory, name), 0o644);
    }
  }
}

/** Writes the archive with sorted names, fixed times and owners. */
async function pack(directory: string, tree: string, { tools, epochSeconds }: InitrdInputs): Promise<void> {
  const entries = await walk(tree);
  await setTimes(tree, epochSeconds);
  await runTool(
    tools,
    [
      "cpio",
      "--create",
      "--quiet",
      "--format=newc",
      "--reproducible",
      "--null",
      "--owner=+0:+0",
      `--directory=${tree}`,
      `--file=${join(directory, "initrd")}`,
    ],
    { binds: [directory], stdin: entries.map(({ path }) => path).join("\0") },
  );
}
