/**
 * What kernel modules for hosts of an image are built with: headers, scripts and toolchain in one archive that needs nothing
 * of the container around it but /bin/sh.
 *
 * Name and layout are those of Bottlerocket's kits: `<variant>-<arch>-kmod-kit-v<version>/`, in it `kernel-devel/` and
 * `toolchain/`.
 */
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { isPresent } from "../../lib/files/files.ts";
import type { KeyedDirectory } from "../inputs.ts";
import { moduleKitName } from "../../repo/module-kit-name.ts";
import { packDirectory } from "../oci/layout.ts";
import { type LockedPackage, packagesOf } from "../packages/lock.ts";
import { runTool } from "../packages/tools-root.ts";
import { unpackPackages } from "../packages/unpack-packages.ts";
import { type ImagePlan, identityOf } from "../plan.ts";
import { kernelVersion } from "../root/kernel-modules.ts";
import { step } from "../step.ts";
import { placeKernelDevel } from "./kernel-devel.ts";
import { placeToolchain } from "./toolchain.ts";

/** Not the kernel itself, which headers depend on, nor anything that is for reading; licences are. */
const unwanted = ["boot", "usr/lib/modules", "usr/share/man", "usr/share/info", "usr/share/locale"];

/** Makes the archive, under its own name, in the directory. */
export const makeModuleKit = step({
  name: ({ variant, architecture }) => `module-kit-${variant.name}-${architecture}`,
  label: () => "module kit",
  module: import.meta.path,
  inputs: (plan: ImagePlan & { root: KeyedDirectory }) => {
    const { tools, lock, variant, epochSeconds, root } = plan;
    const packages = packagesOf(lock, [`modules-${variant.kernel}`]);
    return { tools, packages, identity: identityOf(plan), date: lock.date, epochSeconds, root };
  },
  async make(directory, { tools, packages, identity, date, epochSeconds, root }, fetch) {
    const { architecture, version } = identity;
    const name = moduleKitName({ variant: identity.variant.name, arch: architecture }, version);
    const [unpacked, tree] = [join(directory, "packages"), join(directory, "tree")];
    const kit = join(tree, name.replace(/\.tar\.xz$/, ""));
    await mkdir(unpacked);
    await mkdir(kit, { recursive: true });
    const label = "unpacking headers and compiler";
    const used = packages.filter((each) => !each.name.startsWith("linux-image-"));
    const brought = await unpackPackages(used, unpacked, { label, exclude: unwanted }, fetch);
    const release = await placeKernelDevel(unpacked, kit, architecture);
    await refuseOtherKernel(release, root);
    await placeToolchain(unpacked, kit, architecture, brought);
    await placeLicences(unpacked, kit, used);
    await writeFile(join(kit, "README"), readme(name, release, date));
    const archive = join(directory, name.replace(/\.xz$/, ""));
    await packDirectory(tools, tree, archive, epochSeconds);
    // The number of threads decides how the content is cut into blocks, so it is not that of the machine.
    await runTool(tools, ["xz", "--quiet", "-6", "--threads=2", archive], { binds: [directory] });
    for (const made of [unpacked, tree]) await rm(made, { recursive: true });
  },
});

/** Modules of other headers would be refused by every host. */
async function refuseOtherKernel(release: string, root: KeyedDirectory): Promise<void> {
  const kernel = await kernelVersion(join(root.directory, "root"));
  if (release === kernel) return;
  throw new Failure(
    "other-kernel",
    `cannot make a module kit: the image's kernel is ${kernel}, the headers' ${release}`,
    {
      hint: "move the lock with `./orlop build --update-lock`",
    },
  );
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

function readme(name: string, release: string, date: string): string {
  return `${name.replace(/\.tar\.xz$/, "")}: what modules for kernel ${release} are built with.

  export PATH=$PWD/toolchain/bin:$PATH
  make -C kernel-devel M=/path/of/a/module modules

The container needs /bin/sh and a /tmp that can be written to; the kit itself may be read-only, at any path without spaces.
A module is signed after it was stripped: kernel-devel/scripts/sign-file sha256 KEY CERTIFICATE MODULE.ko

Everything is from Debian, as of ${date}. licences/PACKAGES names each package with its source package, which Debian's
archive and its snapshots have.
`;
}
