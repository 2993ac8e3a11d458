/**
 * What the initrd holds: programs with the libraries they need, and the kernel modules that lead to the root.
 *
 * Everything is found by name in the packages and their ELF headers, so it works for another architecture too.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { Platform } from "../../variants/variant.ts";
import { elfNeeds, isElf } from "./elf.ts";
import { resolveInRoot } from "../root/tree.ts";

/** Programs by the name that `os/initrd/init` calls them, with where the packages have them. */
export const programs: Readonly<Record<string, string>> = {
  basename: "usr/bin/basename",
  blkid: "usr/sbin/blkid",
  cp: "usr/bin/cp",
  dmsetup: "usr/sbin/dmsetup",
  echo: "usr/bin/echo",
  findfs: "usr/sbin/findfs",
  insmod: "usr/lib/klibc/bin/insmod",
  ln: "usr/bin/ln",
  mkdir: "usr/bin/mkdir",
  mount: "usr/lib/klibc/bin/mount",
  sleep: "usr/bin/sleep",
  switch_root: "usr/sbin/switch_root",
  timeout: "usr/bin/timeout",
  ...Object.fromEntries(
    [
      "backtick",
      "define",
      "dollarat",
      "elgetpositionals",
      "elglob",
      "eltest",
      "envfile",
      "exec",
      "execlineb",
      "exit",
      "foreground",
      "forx",
      "heredoc",
      "if",
      "ifelse",
      "importas",
      "loopwhilex",
      "multidefine",
      "multisubstitute",
      "redirfd",
    ].map((name) => [name, `usr/lib/execline/bin/${name}`]),
  ),
};

/** Modules by the name of their file. What they depend on comes with them. */
export const rootModules = ["dm-verity", "erofs"] as const;

/**
 * A kernel that panics leaves its last lines in the firmware's variables: the reason why a host went back. Loaded first,
 * so that this covers all that follows.
 */
const witnesses = ["efi-pstore"];

/**
 * Drivers of watchdogs that a machine of the platform may have, loaded before everything else. The clouds have none, and
 * not every kernel has each, so those that are there are taken. Intel's needs the bridge it is in.
 */
const watchdogModules: Readonly<Record<Platform, readonly string[]>> = {
  qemu: ["i6300esb"],
  aws: [],
  vmware: [],
  metal: ["wdat_wdt", "lpc_ich", "i2c-i801", "iTCO_wdt", "sp5100_tco", "hpwdt"],
};

/**
 * Modules that make SHA-256, and so every read from the root, several times faster than the generic code. Not every
 * kernel has each as a module, so those that are there are taken.
 */
const fasterHash = ["sha256-ssse3", "sha256-arm64", "sha2-ce"];

/**
 * Makes CRC-32C. EROFS asks for it by the name of the algorithm, which modules.dep does not know; a kernel without this
 * module has it built in.
 */
const checksum = ["crc32c_generic"];

/** Drivers of disks that a machine of the platform may boot from. Built-in ones (NVMe in "cloud") need no line. */
export const diskModules: Readonly<Record<Platform, readonly string[]>> = {
  qemu: ["virtio_blk", "virtio_scsi", "sd_mod", "nvme"],
  aws: ["nvme", "xen-blkfront"],
  vmware: ["vmw_pvscsi", "sd_mod", "nvme", "ahci", "mptspi"],
  metal: [
    "nvme",
    "ahci",
    "sd_mod",
    "usb-storage",
    "uas",
    "xhci-pci",
    "virtio_blk",
    "virtio_scsi",
    "megaraid_sas",
    "mpt3sas",
    "hpsa",
    "smartpqi",
    "aacraid",
    "mpi3mr",
  ],
};

export type InitrdFile = { path: string; source: string };

/**
 * Programs, libraries and loader: where each goes in the initrd, and where it is on this machine.
 *
 * @param wanted programs of the packages, by name
 * @param own programs of ours, which need libraries of the packages too
 */
export async function programFiles(
  packages: string,
  wanted: Readonly<Record<string, string>>,
  own: readonly InitrdFile[] = [],
): Promise<InitrdFile[]> {
  const files = new Map<string, string>();
  const libraries = await libraryIndex(packages);
  const queue: { path: string; name: string; source?: string }[] = [
    ...Object.entries(wanted).map(([name, path]) => ({ path: `bin/${name}`, name: path })),
    ...own.map(({ path, source }) => ({ path, name: path, source })),
  ];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (files.has(next.path)) continue;
    const source = next.source ?? (await packagedFile(packages, next.name));
    files.set(next.path, source);
    const content = await readFile(source);
    if (!isElf(content)) continue;
    const needs = elfNeeds(content, next.name);
    if (needs.loader !== undefined) {
      const loader = needs.loader.replace(/^\//, "");
      queue.push({ path: loader, name: loader });
    }
    for (const library of needs.libraries) {
      const place = libraries.get(library);
      if (place === undefined) {
        throw new Failure("no-such-library", `cannot find ${library}, which /${next.name} needs, for the initrd`);
      }
      queue.push({ path: place, name: place });
    }
  }
  return [...files].map(([path, source]) => ({ path, source })).toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function packagedFile(packages: string, name: string): Promise<string> {
  const found = await resolveInRoot(packages, name);
  if (found !== undefined) return join(packages, found);
  throw new Failure("no-such-executable", `cannot find /${name} for the initrd in its packages`);
}

/** Libraries of Debian's multi-arch directory, by name. */
async function libraryIndex(packages: string): Promise<Map<string, string>> {
  const index = new Map<string, string>();
  for (const folder of await readdir(join(packages, "usr/lib"))) {
    if (!folder.endsWith("-linux-gnu")) continue;
    for (const name of await readdir(join(packages, "usr/lib", folder))) {
      if (/\.so\.[0-9.]+$/.test(name)) index.set(name, `usr/lib/${folder}/${name}`);
    }
  }
  return index;
}

/** What the initrd loads: paths below the directory of modules, each after what it depends on. */
export type ModuleOrder = { watchdogs: string[]; rest: string[] };

/**
 * The modules to load.
 *
 * @param dependencies text of modules.dep
 * @param builtIn text of modules.builtin
 */
export function moduleOrder(platform: Platform, dependencies: string, builtIn: string): ModuleOrder {
  const { isThere, withNeeds } = moduleIndex(dependencies, builtIn);
  const wanted = [
    ...[...witnesses, ...fasterHash, ...checksum].filter(isThere),
    ...diskModules[platform],
    ...rootModules,
  ];
  const watchdogs = withNeeds(watchdogModules[platform].filter(isThere));
  return { watchdogs, rest: withNeeds(wanted).filter((path) => !watchdogs.includes(path)) };
}

/** Those modules that the kernel has of `wanted`, after what they depend on; paths as in `ModuleOrder`. */
export function modulesOf(wanted: readonly string[], dependencies: string, builtIn: string): string[] {
  const { isThere, withNeeds } = moduleIndex(dependencies, builtIn);
  return withNeeds(wanted.filter(isThere));
}

type ModuleIndex = { isThere: (name: string) => boolean; withNeeds: (names: readonly string[]) => string[] };

function moduleIndex(dependencies: string, builtIn: string): ModuleIndex {
  const paths = new Map<string, string>();
  const needs = new Map<string, string[]>();
  for (const line of dependencies.split("\n").filter((text) => text.includes(":"))) {
    const [path = "", rest = ""] = line.split(":", 2);
    paths.set(moduleName(path), path);
    // modules.dep lists the direct needs first and the deepest last; loading goes the other way round.
    needs.set(
      path,
      rest
        .split(" ")
        .filter((text) => text !== "")
        .toReversed(),
    );
  }
  const isBuiltIn = new Set(builtIn.split("\n").map(moduleName));
  const isThere = (name: string): boolean => paths.has(moduleName(name));
  const withNeeds = (names: readonly string[]): string[] => {
    const order = new Set<string>();
    for (const name of names) {
      if (isBuiltIn.has(moduleName(name))) continue;
      const path = paths.get(moduleName(name));
      if (path === undefined) {
        throw new Failure(
          "no-such-module",
          `cannot find the module ${name} for the initrd among the kernel's modules`,
          { hint: "correct image/initrd/files.ts, or what image/root/kernel-modules.ts removes" },
        );
      }
      for (const needed of needs.get(path) ?? []) order.add(needed);
      order.add(path);
    }
    return [...order];
  };
  return { isThere, withNeeds };
}

/** "dm_verity" for "kernel/drivers/md/dm-verity.ko": both spellings are in use for the same module. */
function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(?:\.[a-z]+)?$/, "")
    .replaceAll("-", "_");
}
