/**
 * The image of the README's bootstrap container, as people make theirs: Debian with parted, mkfs.ext4 and mount, whose
 * shell runs what `settings.bootstrap-containers.<name>.command` says.
 */
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readLock } from "../packages/lock.ts";
import { machineArchitecture, openToolsRoot } from "../packages/tools-root.ts";
import { makeLayer, makeLayout } from "./layout.ts";

/** Makes its layout; the directory goes when the caller is done. */
export async function prepareImage(): Promise<AsyncDisposable & { layout: string }> {
  const architecture = machineArchitecture();
  const epochSeconds = Math.floor(Date.parse((await readLock(architecture)).date) / 1000);
  const directory = await mkdtemp(join(tmpdir(), "prepare-image-"));
  const layout = join(directory, "layout");
  const [packages, shell] = [join(directory, "packages"), join(directory, "shell")];
  const tools = await openToolsRoot();
  await makeLayer(tools, packages, (await openToolsRoot({ sets: ["prepare"] })).directory, epochSeconds);
  // What the maintainer script of dash does. parted crashes where it cannot run it.
  const links = join(directory, "links");
  await mkdir(join(links, "usr/bin"), { recursive: true });
  await symlink("bash", join(links, "usr/bin/sh"));
  await makeLayer(tools, shell, links, epochSeconds);
  const layers = [
    { directory: packages, says: "Debian packages" },
    { directory: shell, says: "/bin/sh" },
  ];
  const config = { architecture, entrypoint: ["/usr/bin/bash", "-ec"] };
  await makeLayout(layout, { layers, config, epochSeconds });
  return { layout, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}
