/** Builds images, of hosts and of host containers, with the programs of this work tree in them. */
import { join, resolve } from "node:path";
import {
  compileContainerPrograms,
  compileEcsUpdater,
  compileFleetOperator,
  compileHost,
} from "../../programs/compile.ts";
import {
  containerExecutable,
  containerNames,
  ecsUpdaterExecutable,
  fleetExecutable,
} from "../../programs/containers/names.ts";
import { executable, names } from "../../host/names.ts";
import type { Built } from "../../image/artefacts.ts";
import { additionsOf, beside, goldenPathOf } from "../../image/additions/additions-of.ts";
import type { SigningKey } from "../../image/boot/signing-key.ts";
import { type BuildOptions, buildImage } from "../../image/build.ts";
import { commitOf } from "../../image/commit.ts";
import {
  buildContainer,
  type BuiltContainer,
  type Companions,
  type ContainerOptions,
} from "../../image/oci/container-image.ts";
import type { ContainerImage } from "../../image/packages/base.ts";
import { suppliedSsmAgent } from "../../image/supplied/supplied.ts";
import { defined } from "../../lib/defined.ts";
import { say } from "../../lib/progress.ts";
import { version } from "../../package.json";
import { updateDefaults, withDefaults } from "../../variants/defaults.ts";
import { withTaskNetwork } from "../../variants/flavours/task-network.ts";
import type { OwnVariant } from "../../variants/variant-file.ts";
import { variantNamed } from "../../variants/all.ts";
import type { Architecture } from "../../variants/variant.ts";
import { buildDirectory, repository } from "../context.ts";

type ContainerPrograms = ContainerOptions["programs"];

export type ImageRequest = {
  /** One of the table by its name, or what a file describes. */
  variant: string | OwnVariant;
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
  /** Signs the image, where it is not to be the user's own. */
  signingKey?: SigningKey | undefined;
  /** Signs what a TPM measures of it, where it is not to be the user's own. */
  pcrSigningKey?: SigningKey | undefined;
  /** Path of the certificate of a key whose kernel modules its hosts shall load under lockdown. */
  moduleCertificate?: string | undefined;
  /** Also makes what kernel modules for it are built with. */
  moduleKit?: boolean;
  /** Whether the images of the admin and control containers come with it, and where. */
  companions?: Companions["place"] | undefined;
  /** Programs that no registry carries. */
  supplied?: BuildOptions["supplied"];
};

export async function builtImage(request: ImageRequest, signal: AbortSignal): Promise<Built> {
  const {
    variant: wanted,
    architecture,
    output,
    mirror,
    golden,
    updateRoot,
    updateUrl,
    osVersion = version,
    signingKey,
    pcrSigningKey,
    moduleCertificate,
    moduleKit,
    companions: place,
    supplied,
  } = request;
  const own = typeof wanted === "string" ? undefined : wanted;
  const named = typeof wanted === "string" ? variantNamed(wanted) : wanted.variant;
  const variant = withTaskNetwork(named, Object.keys(supplied?.supply ?? {}));
  const url = updateUrl ?? own?.file["update-url"];
  const chosen = url === undefined ? variant : withDefaults(variant, updateDefaults(url, variant, architecture));
  say(`compiling the host's programs for ${architecture}`);
  const hostBinary = join(buildDirectory, `host-${architecture}`, executable);
  await compileHost(architecture, hostBinary);
  const companions =
    place === undefined ? undefined : async () => ({ place, images: await companionImages(request, signal) });
  return await buildImage(chosen, architecture, {
    version: osVersion,
    commit: await commitOf(repository),
    hostBinary,
    hostNames: { executable, links: names },
    output: resolve(output ?? buildDirectory),
    fetch: { signal, ...defined({ mirror }) },
    ...(own === undefined ? {} : await fromFile(own, architecture)),
    ...defined({ golden, updateRoot, signingKey, pcrSigningKey, moduleCertificate, moduleKit, companions, supplied }),
  });
}

/** What a variant's file says of its images beside what is in them. */
async function fromFile(own: OwnVariant, architecture: Architecture): Promise<Partial<BuildOptions>> {
  const { "signing-keys": keys, "update-root": updateRoot } = own.file;
  return {
    additions: await additionsOf(own, architecture),
    goldenPath: goldenPathOf(own, architecture),
    ...defined({
      keys: keys === undefined ? undefined : beside(own, keys),
      updateRoot: updateRoot === undefined ? undefined : beside(own, updateRoot),
    }),
  };
}

/** They have the version of the image. */
async function companionImages(request: ImageRequest, signal: AbortSignal): Promise<Companions["images"]> {
  const images: Record<string, BuiltContainer> = {};
  for (const image of ["admin", "control"] as const)
    images[image] = await builtContainer({ ...request, image }, signal);
  return images;
}

export async function builtContainer(
  {
    image,
    architecture,
    mirror,
    osVersion = version,
    supplied = { supply: {} },
  }: { image: ContainerImage } & Pick<ImageRequest, "architecture" | "mirror" | "osVersion" | "supplied">,
  signal: AbortSignal,
): Promise<BuiltContainer> {
  const programs = await containerPrograms(image, architecture);
  const agent = image === "control" ? await suppliedSsmAgent({ architecture, ...supplied }) : {};
  return await buildContainer(image, architecture, {
    version: osVersion,
    commit: await commitOf(repository),
    programs,
    agent,
    fetch: { signal, ...defined({ mirror }) },
  });
}

async function containerPrograms(image: ContainerImage, architecture: Architecture): Promise<ContainerPrograms> {
  say(`compiling the programs of containers for ${architecture}`);
  const directory = join(buildDirectory, `containers-${architecture}`);
  if (image === "fleet") {
    const file = join(directory, fleetExecutable);
    await compileFleetOperator(architecture, file);
    return { file, names: [] };
  }
  if (image === "ecs-updater") {
    const file = join(directory, ecsUpdaterExecutable);
    await compileEcsUpdater(architecture, file);
    return { file, names: [] };
  }
  const file = join(directory, containerExecutable);
  await compileContainerPrograms(architecture, file);
  return { file, names: containerNames[image] };
}
