/** Builds images, of hosts and of host containers, with the programs of this work tree in them. */
import { join, resolve } from "node:path";
import { compileContainerPrograms, compileHost } from "../programs/compile.ts";
import { containerExecutable, containerNames } from "../programs/containers/names.ts";
import { executable, names } from "../host/names.ts";
import type { Built } from "../image/artefacts.ts";
import { buildImage } from "../image/build.ts";
import { commitOf } from "../image/commit.ts";
import { buildContainer, type BuiltContainer } from "../image/oci/container-image.ts";
import type { ContainerImage } from "../image/packages/base.ts";
import { defined } from "../lib/defined.ts";
import { say } from "../lib/progress.ts";
import { version } from "../package.json";
import { variantNamed } from "../variants/all.ts";
import { updateDefaults, withDefaults } from "../variants/defaults.ts";
import type { Architecture } from "../variants/variant.ts";
import { buildDirectory, repository } from "./context.ts";

export type ImageRequest = {
  variant: string;
  architecture: Architecture;
  output?: string | undefined;
  mirror?: string | undefined;
  /** What to do when the executables differ from the golden list. */
  golden?: "check" | "write";
  /** A root role of the update repository that the image shall trust. */
  updateRoot?: string | undefined;
  /** Where that repository is; hosts look there unless a setting says otherwise. */
  updateUrl?: string | undefined;
  /** Of the OS; that of this work tree unless given. */
  osVersion?: string | undefined;
};

export async function builtImage(
  { variant, architecture, output, mirror, golden, updateRoot, updateUrl, osVersion = version }: ImageRequest,
  signal: AbortSignal,
): Promise<Built> {
  const listed = variantNamed(variant);
  const chosen =
    updateUrl === undefined ? listed : withDefaults(listed, updateDefaults(updateUrl, listed, architecture));
  say(`compiling the host's programs for ${architecture}`);
  const hostBinary = join(buildDirectory, `host-${architecture}`, executable);
  await compileHost(architecture, hostBinary);
  return await buildImage(chosen, architecture, {
    version: osVersion,
    commit: await commitOf(repository),
    hostBinary,
    hostNames: { executable, links: names },
    output: resolve(output ?? buildDirectory),
    fetch: { signal, ...defined({ mirror }) },
    ...defined({ golden, updateRoot }),
  });
}

export async function builtContainer(
  { image, architecture, mirror }: { image: ContainerImage; architecture: Architecture; mirror?: string | undefined },
  signal: AbortSignal,
): Promise<BuiltContainer> {
  say(`compiling the programs of containers for ${architecture}`);
  const file = join(buildDirectory, `containers-${architecture}`, containerExecutable);
  await compileContainerPrograms(architecture, file);
  return await buildContainer(image, architecture, {
    version,
    commit: await commitOf(repository),
    programs: { file, names: containerNames[image] },
    fetch: { signal, ...defined({ mirror }) },
  });
}
