/** A build for tests of publishing: its list, and files beside it that hold what a test says. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FinishedBuild, readBuild } from "../../../image/finished-build.ts";
import { artefact, type ImageManifest } from "../../../image/manifest.ts";
import { moduleKitName } from "../../../repo/module-kit-name.ts";
import type { Architecture } from "../../../variants/variant.ts";

/** @param image becomes the disk image of the build */
export async function makeBuild(
  directory: string,
  {
    variant,
    architecture = "x86_64",
    commit,
    image,
    sbom = ".spdx.json",
    moduleKit = false,
    unifiedImage,
  }: {
    variant: string;
    architecture?: Architecture;
    commit: string;
    image: string;
    sbom?: string;
    moduleKit?: boolean;
    /** What the file holds. */
    unifiedImage?: string | Uint8Array;
  },
): Promise<FinishedBuild> {
  const version = "0.2.0";
  const name = `orlop-${variant}-${architecture}-${version}-${commit}`;
  const path = (suffix: string): string => join(directory, `${name}${suffix}`);
  await (image === path(".img") ? undefined : Bun.write(path(".img"), Bun.file(image)));
  const small = async (suffix: string, content: string | Uint8Array = `${suffix} of ${name}`) => {
    await writeFile(path(suffix), content);
    return await artefact(path(suffix));
  };
  const payload = async (suffix: string) => ({
    ...(await small(suffix)),
    unpackedBytes: 1,
    unpackedSha256: "0".repeat(64),
  });
  const manifest: ImageManifest = {
    format: 1,
    variant,
    architecture,
    version,
    commit,
    rootHash: "0".repeat(64),
    disk: await artefact(path(".img")),
    root: await payload("-root.erofs.zst"),
    hash: await payload("-root.verity.zst"),
    unifiedImage: await small(".efi", unifiedImage),
    sbom: await small(".spdx.json", sbom),
    migrations: [],
  };
  if (moduleKit) {
    const kit = join(directory, moduleKitName({ variant, arch: architecture }, version));
    await writeFile(kit, "headers");
    manifest.moduleKit = await artefact(kit);
  }
  await writeFile(path(".part"), JSON.stringify(manifest));
  await rename(path(".part"), path(".json"));
  return await readBuild(path(".json"));
}
