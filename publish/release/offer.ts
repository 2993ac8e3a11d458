/** A build as a version that the repository of updates offers. */
import { basename } from "node:path";
import { artefactOf, type FinishedBuild } from "../../image/finished-build.ts";
import type { Artefact } from "../../image/manifest.ts";
import { currentTree, readManifest, type Repository } from "../../repo/repository.ts";
import type { Release } from "../../repo/publish.ts";
import type { TargetSource } from "../../repo/change-tree.ts";
import { type Migration, migrationName } from "../../settings/migrations/migration.ts";

/** @throws {Failure<"no-such-file" | "not-as-built">} */
export async function offerOf(build: FinishedBuild): Promise<Release> {
  const {
    variant,
    architecture: arch,
    version,
    unifiedImage,
    root,
    hash,
    rootHash,
    moduleKit,
    companions = {},
    migrations,
  } = build.manifest;
  const source = async (artefact: Artefact): Promise<TargetSource> => {
    const path = await artefactOf(build, artefact);
    return { name: basename(path), path };
  };
  const archives: Record<string, TargetSource> = {};
  for (const [name, archive] of Object.entries(companions)) archives[name] = await source(archive);
  return {
    variant,
    arch,
    version,
    boot: await source(unifiedImage),
    root: await source(root),
    hash: await source(hash),
    rootHash,
    migrations: migrations.map(offeredMigration),
    companions: archives,
    further: moduleKit === undefined ? [] : [await source(moduleKit)],
  };
}

export function offeredMigration(migration: Migration): Release["migrations"][number] {
  return { version: migration.version, name: migrationName(migration), text: `${JSON.stringify(migration)}\n` };
}

/** Whether the repository offers exactly this build already. */
export async function isOffered(repository: Repository, { manifest }: FinishedBuild): Promise<boolean> {
  const { variant, architecture: arch, version, unifiedImage, root, hash } = manifest;
  const targets = (await currentTree(repository, { variant, arch }))?.targets.signed.targets ?? {};
  const { updates } = await readManifest(repository, targets);
  const update = updates.find((each) => each.variant === variant && each.arch === arch && each.version === version);
  if (update === undefined) return false;
  const { images } = update;
  const pairs = [
    [images.boot, unifiedImage],
    [images.root, root],
    [images.hash, hash],
  ] as const;
  return pairs.every(([name, { sha256 }]) => targets[name]?.hashes["sha256"] === sha256);
}
