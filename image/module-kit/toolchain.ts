/** The compiler of a kit and all that a build calls, with their libraries and loader: nothing else is needed but /bin/sh. */
import { copyFile, cp, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { Architecture } from "../../variants/variant.ts";
import { elfNeeds, isElf } from "../initrd/elf.ts";
import type { TarEntry } from "../packages/debian/tar-listing.ts";
import { resolveInRoot, walk } from "../root/tree.ts";
import { kbuildNames } from "./kernel-devel.ts";
import { libraryPath, loader, placeName, placeProgram, toolchain } from "./launcher.ts";

/** Every program of these packages, under its own name. */
const wholePackages = ["coreutils", "findutils", "grep", "sed"];

/** Of the compiler and what belongs to it: the names that people and Kbuild call a program by. */
const compilers: Readonly<Record<string, readonly string[]>> = {
  gcc: ["gcc-14"],
  ...Object.fromEntries(
    ["ar", "as", "ld", "nm", "objcopy", "objdump", "ranlib", "readelf", "strip"].map((name) => [name, []]),
  ),
};

const singlePrograms: Readonly<Record<string, string>> = {
  awk: "mawk",
  getconf: "getconf",
  make: "make",
  pahole: "pahole",
  sh: "dash",
};

/** What gcc calls, at the first place where it looks. */
const compilerParts = ["as", "ld"];
const gccVersion = "14";

/** @param brought what each package brought, by its name, as it lies in `root` */
export async function placeToolchain(
  root: string,
  kit: string,
  architecture: Architecture,
  brought: ReadonlyMap<string, readonly TarEntry[]>,
): Promise<void> {
  const { triplet } = kbuildNames[architecture];
  const bin = (name: string): string => `${toolchain}/bin/${name}`;
  const place = async (path: string, source: string): Promise<void> => {
    const real = await resolveInRoot(root, source);
    if (real === undefined) throw new Failure("no-such-executable", `cannot make a module kit: there is no /${source}`);
    const copy = join(kit, "program");
    await copyFile(join(root, real), copy);
    await placeProgram(kit, path, copy);
  };
  for (const [name, further] of Object.entries(compilers)) {
    await place(bin(`${triplet}-${name}`), `usr/bin/${triplet}-${name === "gcc" ? `gcc-${gccVersion}` : name}`);
    for (const alias of [name, ...further]) await placeName(kit, bin(alias), bin(`${triplet}-${name}`));
  }
  for (const [name, source] of Object.entries(singlePrograms)) await place(bin(name), `usr/bin/${source}`);
  for (const entry of wholePackages.flatMap((name) => brought.get(name) ?? [])) {
    const [, name] = /^(?:usr\/)?bin\/([^/]+)$/.exec(entry.path) ?? [];
    if (name !== undefined && (await isProgram(root, entry.path))) await place(bin(name), entry.path);
  }
  const internal = `libexec/gcc/${triplet}/${gccVersion}`;
  await place(`${toolchain}/${internal}/cc1`, `usr/${internal}/cc1`);
  for (const name of compilerParts) await placeName(kit, `${toolchain}/${internal}/${name}`, bin(`${triplet}-${name}`));
  const include = `lib/gcc/${triplet}/${gccVersion}/include`;
  await mkdir(dirname(join(kit, toolchain, include)), { recursive: true });
  await cp(join(root, "usr", include), join(kit, toolchain, include), { recursive: true, preserveTimestamps: true });
  await placeLibraries(root, kit, triplet);
}

async function isProgram(root: string, path: string): Promise<boolean> {
  const real = await resolveInRoot(root, path);
  return real !== undefined && isElf(await readFile(join(root, real)));
}

/** The loader, and every library that a program of the kit or one of its libraries names. */
async function placeLibraries(root: string, kit: string, triplet: string): Promise<void> {
  const folder = join(kit, dirname(loader));
  await mkdir(folder, { recursive: true });
  const wanted: { name: string; file: string }[] = [];
  const programs = join(kit, toolchain, "programs");
  for (const { path } of await walk(programs)) wanted.push({ name: path, file: join(programs, path) });
  const placed = new Set<string>();
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
    const needs = elfNeeds(await readFile(next.file), next.name);
    const libraries = needs.libraries.map((name) => [libraryPath(name), `usr/lib/${triplet}/${name}`] as const);
    const loaders = needs.loader === undefined ? [] : [[loader, needs.loader.slice(1)] as const];
    for (const [path, source] of [...libraries, ...loaders]) {
      if (placed.has(path)) continue;
      const real = await resolveInRoot(root, source);
      if (real === undefined) {
        throw new Failure(
          "no-such-library",
          `cannot make a module kit: ${next.name} needs /${source}, which is not there`,
        );
      }
      await copyFile(join(root, real), join(kit, path));
      placed.add(path);
      wanted.push({ name: path, file: join(kit, path) });
    }
  }
}
