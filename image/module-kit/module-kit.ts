/**
 * What kernel modules for hosts of an image are built with: headers, scripts and toolchain in one archive that needs nothing
 * of the container around it but /bin/sh.
 *
 * Name and layout are those of Bottlerocket's kits: `<variant>-<arch>-kmod-kit-v<version>/`, in it `kernel-devel/` and
 * `toolchain/`.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { moduleKitName } from "../../repo/module-kit-name.ts";
import type { KeyedDirectory } from "../inputs.ts";
import { packDirectory } from "../oci/layout.ts";
import { packagesOf } from "../packages/lock.ts";
import { runTool } from "../packages/tools-root.ts";
import type { ImagePlan } from "../plan.ts";
import { kernelVersion } from "../root/kernel-modules.ts";
import { step } from "../step.ts";
import { makeKitTree } from "./kit-tree.ts";

/** Makes the archive, under its own name, in the directory. */
export const makeModuleKit = step({
  name: ({ variant, architecture }) => `module-kit-${variant.name}-${architecture}`,
  label: () => "module kit",
  module: import.meta.path,
  inputs: async (plan: ImagePlan & { root: KeyedDirectory }) => ({
    tools: plan.tools,
    packages: packagesOf(plan.lock, [`modules-${plan.variant.kernel}`]),
    identity: { variant: plan.variant.name, architecture: plan.architecture, version: plan.version },
    kernel: await kernelVersion(join(plan.root.directory, "root")),
    date: plan.lock.date,
    epochSeconds: plan.epochSeconds,
  }),
  async make(directory, { tools, packages, identity, kernel, date, epochSeconds }, fetch) {
    const { variant, architecture, version } = identity;
    const name = moduleKitName({ variant, arch: architecture }, version);
    const [tree, archive] = [join(directory, "tree"), join(directory, name.replace(/\.xz$/, ""))];
    const kit = join(tree, name.replace(/\.tar\.xz$/, ""));
    refuseOtherKernel(await makeKitTree(kit, { packages, architecture, date }, fetch), kernel);
    await packDirectory(tools, tree, archive, epochSeconds);
    // The number of threads decides how the content is cut into blocks, so it is not that of the machine.
    await runTool(tools, ["xz", "--quiet", "-6", "--threads=2", archive], { binds: [directory] });
    await rm(tree, { recursive: true });
  },
});

/** Modules of other headers would be refused by every host. */
function refuseOtherKernel(release: string, kernel: string): void {
  if (release === kernel) return;
  const cannot = `cannot make a module kit: the image's kernel is ${kernel}, the headers' ${release}`;
  throw new Failure("other-kernel", cannot, { hint: "move the lock with `./orlop build --update-lock`" });
}
