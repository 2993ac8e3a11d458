/**
 * The image of the README's bootstrap container, as people make theirs: Debian with parted, mkfs.ext4 and mount, whose
 * shell runs what `settings.bootstrap-containers.<name>.command` says.
 */
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { epochSecondsOf, readLock } from "../packages/lock.ts";
import { machineArchitecture, openToolsRoot } from "../packages/tools-root.ts";
import { makeToolsImage } from "./tools-image.ts";

/** Makes its layout; the directory goes when the caller is done. */
export async function prepareImage(): Promise<AsyncDisposable & { layout: string }> {
  return await makeToolsImage({
    packages: await openToolsRoot({ sets: ["prepare"] }),
    // What the maintainer script of dash does. parted crashes where it cannot run it.
    async furnish(tree) {
      await mkdir(join(tree, "usr/bin"), { recursive: true });
      await symlink("bash", join(tree, "usr/bin/sh"));
    },
    description: "/bin/sh",
    entrypoint: ["/usr/bin/bash", "-ec"],
    epochSeconds: epochSecondsOf(await readLock(machineArchitecture())),
  });
}
