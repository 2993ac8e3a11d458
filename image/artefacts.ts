/** The last of a build: the disk image, the files of an update, and the manifest that names them. */
import { copyFile, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../lib/files/files.ts";
import { workDirectory } from "../lib/files/work-directory.ts";
import { moduleKitName } from "../repo/module-kit-name.ts";
import { migrations } from "../settings/migrations/all.ts";
import { measuredOf } from "./boot/measured.ts";
import { derivedUuid } from "./derived-uuid.ts";
import { espFiles } from "./disk/esp.ts";
import { diskLayout } from "./disk/layout.ts";
import { makeDisk } from "./disk/make-disk.ts";
import type { KeyedDirectory } from "./inputs.ts";
import { type Artefact, artefact, type ImageManifest, payload } from "./manifest.ts";
import type { Companions } from "./oci/container-image.ts";
import type { ImagePlan } from "./plan.ts";
import { imageName } from "./root/os-release.ts";
import { readVerity } from "./verity.ts";

export type Built = {
  manifest: ImageManifest;
  /** The disk image. */
  image: string;
  manifestPath: string;
};

/** Nothing of a build is seen under its name before it is whole; the manifest comes last. */
export async function writeArtefacts(
  plan: ImagePlan,
  {
    sealed,
    boot,
    moduleKit,
    companions,
  }: {
    sealed: KeyedDirectory;
    boot: KeyedDirectory;
    moduleKit: KeyedDirectory | undefined;
    companions: Companions["images"];
  },
  output: string,
): Promise<Built> {
  const { variant, architecture, version, commit, tools, epochSeconds } = plan;
  const name = imageName(plan);
  await using work = await workDirectory(join(output, ".work"));
  const working = work.path;
  const kitName = moduleKitName({ variant: variant.name, arch: architecture }, version);
  const paths = {
    image: join(working, `${name}.img`),
    root: join(working, `${name}-root.erofs.zst`),
    hash: join(working, `${name}-root.verity.zst`),
    unifiedImage: join(working, `${name}.efi`),
    sbom: join(working, `${name}.spdx.json`),
    ...(moduleKit === undefined ? {} : { moduleKit: join(working, kitName) }),
  };
  const archives = Object.entries(companions).map(([companion, { name: file, archive }]) => {
    return { companion, archive, path: join(working, file) };
  });
  const { rootHash } = await readVerity(sealed.directory);
  const erofs = join(sealed.directory, "root.erofs");
  const tree = join(sealed.directory, "root.verity");
  const esp = await espFiles(join(working, "esp"), { architecture, version, boot: boot.directory, epochSeconds });
  const layout = diskLayout({
    architecture,
    esp,
    root: { path: erofs, bytes: (await stat(erofs)).size },
    hash: { path: tree, bytes: (await stat(tree)).size },
  });
  await makeDisk(tools, paths.image, layout, { seed: derivedUuid("disk", `${name} ${rootHash}`), epochSeconds });
  await copyFile(`${erofs}.zst`, paths.root);
  await copyFile(`${tree}.zst`, paths.hash);
  await copyFile(join(boot.directory, "unified.efi"), paths.unifiedImage);
  await copyFile(join(sealed.directory, "sbom.spdx.json"), paths.sbom);
  if (moduleKit !== undefined) await copyFile(join(moduleKit.directory, kitName), join(working, kitName));
  const published: Record<string, Artefact> = {};
  for (const { companion, archive, path } of archives) {
    await copyFile(archive, path);
    published[companion] = await artefact(path);
  }
  const manifest: ImageManifest = {
    format: 1,
    variant: variant.name,
    architecture,
    version,
    commit,
    rootHash,
    disk: await artefact(paths.image),
    root: await payload(paths.root, erofs),
    hash: await payload(paths.hash, tree),
    unifiedImage: await artefact(paths.unifiedImage),
    measured: measuredOf({
      loader: await readFile(join(boot.directory, "loader.efi")),
      unifiedImage: await readFile(paths.unifiedImage),
      addonStub: await readFile(join(boot.directory, "addon.efi.stub")),
    }),
    sbom: await artefact(paths.sbom),
    ...(paths.moduleKit === undefined ? {} : { moduleKit: await artefact(paths.moduleKit) }),
    ...(archives.length === 0 ? {} : { companions: published }),
    migrations: [...migrations],
  };
  const manifestPath = join(output, `${name}.json`);
  await rm(manifestPath, { force: true });
  const made = [...Object.values(paths), ...archives.map(({ path }) => path)];
  for (const path of made) await rename(path, path.replace(working, output));
  await writeFileAtomic(manifestPath, `${JSON.stringify(manifest, undefined, 2)}\n`);
  return { manifest, image: join(output, `${name}.img`), manifestPath };
}
