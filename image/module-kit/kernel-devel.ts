/**
 * The headers of a kernel with the scripts that build against them, as one tree that may lie anywhere.
 *
 * Debian has them in three packages that name each other by absolute paths: headers of all flavours, those of one, and the
 * programs of Kbuild. Source: linux's debian/rules.real, "install-headers" and "install-kbuild".
 */
import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { Architecture } from "../../variants/variant.ts";
import { isElf } from "../initrd/elf.ts";
import { walk } from "../root/tree.ts";
import { placeProgram } from "./launcher.ts";

export const kernelDevel = "kernel-devel";

/** What Kbuild calls an architecture, and the compiler's name of it. */
export const kbuildNames: Readonly<Record<Architecture, { source: string; triplet: string }>> = {
  x86_64: { source: "x86", triplet: "x86_64-linux-gnu" },
  aarch64: { source: "arm64", triplet: "aarch64-linux-gnu" },
};

/** Programs that choose one of several by the configuration of a kernel, and the one for ours. */
const chosenPrograms: Readonly<Record<string, Partial<Record<Architecture, string>>>> = {
  "scripts/mod/modpost": { x86_64: "modpost.real-lsb-64", aarch64: "modpost.real-lsb-64" },
  "tools/objtool/objtool": { x86_64: "objtool.real-x86" },
};

/**
 * Merges the packages in `root` to `kit/kernel-devel`; their files move.
 *
 * @returns the kernel's release: "6.12.57+deb13-cloud-amd64"
 */
export async function placeKernelDevel(root: string, kit: string, architecture: Architecture): Promise<string> {
  const sources = join(root, "usr/src");
  const names = await readdir(sources);
  const common = only(names, /^linux-headers-.*-common$/);
  const flavour = only(names, /^linux-headers-(?!.*-common$)/);
  const kbuild = only(await readdir(join(root, "usr/lib")), /^linux-kbuild-/);
  const tree = join(kit, kernelDevel);
  for (const [path, link] of [common, flavour].flatMap((name) => [
    [name, "scripts"] as const,
    [name, "tools"] as const,
  ])) {
    await rm(join(sources, path, link));
  }
  // It names the other package by its absolute path; that package's own is whole.
  await rm(join(sources, flavour, "Makefile"));
  await rename(join(sources, common), tree);
  await cp(join(sources, flavour), tree, { recursive: true, preserveTimestamps: true });
  for (const name of ["scripts", "tools"]) await rename(join(root, "usr/lib", kbuild, name), join(tree, name));
  const { source } = kbuildNames[architecture];
  for (const name of await readdir(join(tree, "arch"))) {
    if (name !== source) await rm(join(tree, "arch", name), { recursive: true });
  }
  await choosePrograms(tree, architecture);
  for (const { path, type } of await walk(tree)) {
    const file = join(tree, path);
    if (type === "file" && /^(scripts|tools)\//.test(path) && isElf(await readFile(file))) {
      await placeProgram(kit, `${kernelDevel}/${path}`, file);
    }
  }
  const release = flavour.replace("linux-headers-", "");
  await writeFile(join(tree, ".kernelvariables"), variables(architecture, release));
  return release;
}

function only(names: readonly string[], pattern: RegExp): string {
  const matching = names.filter((name) => pattern.test(name));
  const [name] = matching;
  if (name !== undefined && matching.length === 1) return name;
  throw new Failure("kernel-count", `cannot choose the kernel headers: there are ${matching.join(", ") || "none"}`);
}

async function choosePrograms(tree: string, architecture: Architecture): Promise<void> {
  for (const [path, chosen] of Object.entries(chosenPrograms)) {
    const folder = join(tree, path, "..");
    const program = chosen[architecture];
    if (program !== undefined) await rename(join(folder, program), join(tree, path));
    for (const name of await readdir(folder)) {
      if (/\.real-/.test(name)) await rm(join(folder, name));
    }
  }
}

/** What Kbuild reads before anything is built: which kernel it is, and that all programs are those of the kit. */
function variables(architecture: Architecture, release: string): string {
  const { source, triplet } = kbuildNames[architecture];
  return `override ARCH = ${source}
override KERNELRELEASE = ${release}
module_kit := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
export PATH := $(module_kit)/toolchain/bin:$(if $(PATH),$(PATH),/usr/bin:/bin)
override CROSS_COMPILE = $(module_kit)/toolchain/bin/${triplet}-
CC = $(CROSS_COMPILE)gcc
AWK = $(module_kit)/toolchain/bin/awk
PAHOLE = $(module_kit)/toolchain/bin/pahole
DEBIAN_KERNEL_NO_CC_VERSION_CHECK = y
`;
}
