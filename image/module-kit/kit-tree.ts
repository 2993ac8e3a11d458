/** The content of a kit: headers, toolchain, licences and a README in one directory. */
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Architecture } from "../../variants/variant.ts";
import { isPresent } from "../../lib/files/files.ts";
import type { FetchOptions } from "../packages/fetch.ts";
import type { LockedPackage } from "../packages/lock.ts";
import { unpackPackages } from "../packages/unpack-packages.ts";
import { placeKernelDevel } from "./kernel-devel.ts";
import { placeToolchain } from "./toolchain.ts";

/** Not the kernel itself, which headers depend on, nor anything that is for reading; licences are. */
const unwanted = ["boot", "usr/lib/modules", "usr/share/man", "usr/share/info", "usr/share/locale"];

export type KitContent = {
  /** Of a lock's set for modules of one kernel. */
  packages: readonly LockedPackage[];
  architecture: Architecture;
  /** That of the lock. */
  date: string;
};

/**
 * Fills a directory that does not exist, under the kit's name.
 *
 * @returns the release of the kernel that modules built with it are for: "6.12.57+deb13-cloud-amd64"
 */
export async function makeKitTree(
  kit: string,
  { packages, architecture, date }: KitContent,
  fetch: FetchOptions,
): Promise<string> {
  const unpacked = `${kit}.packages`;
  await mkdir(unpacked, { recursive: true });
  await mkdir(kit);
  const used = packages.filter(({ name }) => !name.startsWith("linux-image-"));
  const label = "unpacking headers and compiler";
  const brought = await unpackPackages(used, unpacked, { label, exclude: unwanted }, fetch);
  const release = await placeKernelDevel(unpacked, kit, architecture);
  await placeToolchain(unpacked, kit, architecture, brought);
  await placeLicences(unpacked, kit, used);
  await writeFile(join(kit, "README"), readme(kit, release, date));
  await rm(unpacked, { recursive: true });
  return release;
}

/** Copyright files by package, the licences that they name, and where the sources of each come from. */
async function placeLicences(unpacked: string, kit: string, packages: readonly LockedPackage[]): Promise<void> {
  const licences = join(kit, "licences");
  await mkdir(licences);
  await rename(join(unpacked, "usr/share/common-licenses"), join(licences, "common-licenses"));
  const documents = join(unpacked, "usr/share/doc");
  for (const name of (await readdir(documents)).toSorted()) {
    const copyright = join(documents, name, "copyright");
    if (await isPresent(copyright)) await copyFile(copyright, join(licences, name));
  }
  const lines = packages.map(({ name, version, source, sourceVersion }) =>
    [name, version, source, sourceVersion ?? version].join("\t"),
  );
  await writeFile(join(licences, "PACKAGES"), ["package\tversion\tsource\tits version", ...lines, ""].join("\n"));
}

function readme(kit: string, release: string, date: string): string {
  return `${basename(kit)}: what modules for kernel ${release} are built with.

  export PATH=$PWD/toolchain/bin:$PATH
  make -C kernel-devel M=/path/of/a/module modules

The container needs /bin/sh and a /tmp that can be written to; the kit itself may be read-only, at any path without spaces.
A module is signed after it was stripped: kernel-devel/scripts/sign-file sha256 KEY CERTIFICATE MODULE.ko

Everything is from Debian, as of ${date}. licences/PACKAGES names each package with its source package, which Debian's
archive and its snapshots have.
`;
}
