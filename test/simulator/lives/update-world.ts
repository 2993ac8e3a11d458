/**
 * What every simulated life of an update begins with, made once: a signed repository with a few releases, as it was
 * after each of them was published, and the read-only part of a host that runs from either set.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, utimes } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Migration } from "../../../settings/migrations/migration.ts";
import { setNames, type SetName } from "../../../host/update/boot/boot-entry.ts";
import { blockBytes } from "../../../host/update/write/verity-tree.ts";
import { shippedRootPath } from "../../../host/update/fetch/trusted-repository.ts";
import { writePartitionSets } from "../../worlds/update/partition-sets.ts";
import { testSystem, type TestSystem } from "../../worlds/host/system.ts";
import { imageOf, testFrameBytes, type TestImage } from "../../worlds/update/update-image.ts";
import { testRepository } from "../../worlds/update/update-repository.ts";
import type { Fate, UpdateScenario } from "./update-events.ts";

export type SimulatedRelease = { version: string; image: TestImage };

export type UpdateWorld = AsyncDisposable & {
  /** The first one is what a machine is installed with. */
  releases: readonly SimulatedRelease[];
  /** Path below the URL to content: after the release of the same index was published. */
  repositories: readonly ReadonlyMap<string, Buffer>[];
  hosts: Readonly<Record<SetName, TestSystem>>;
};

const versions = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"] as const;
const address = {
  address: "192.0.2.7",
  netmask: "255.255.255.0",
  family: "IPv4",
  mac: "02:00:00:00:00:01",
  internal: false,
  cidr: "192.0.2.7/24",
} as const;
/** The time of a life goes on from here by a clock of its own; metadata must not expire in it. */
export const worldStartsAt = new Date();
const rootBlocks = 8;
/** A block of a release is another one every so many releases. */
const changedEvery = 4;
const yearMs = 365 * 86_400_000;
/** More than a sync's worth of pieces, so that there are flushes to reorder between. */
export const worldWriteSize = { pieceBytes: 8_192, syncBytes: 16_384 };

/** As releases that rename, remove and retype a setting would bring them. */
export const worldMigrations: readonly Migration[] = [
  {
    version: "1.2.0",
    summary: "rename settings.name to settings.title",
    steps: [{ do: "rename", from: "settings.name", to: "settings.title" }],
  },
  { version: "1.3.0", summary: "remove settings.motd", steps: [{ do: "remove", key: "settings.motd" }] },
  {
    version: "1.4.0",
    summary: "count settings.time in milliseconds",
    steps: [{ do: "multiply", key: "settings.time", by: 1000 }],
  },
];

export async function updateWorld(): Promise<UpdateWorld> {
  await using repository = await testRepository(worldStartsAt);
  const expirations = { root: yearMs, targets: yearMs, snapshot: yearMs, timestamp: yearMs };
  const signing = repository.signing({ expirations });
  const releases = versions.map((version, index) => ({ version, image: imageOf(rootOf(index), index) }));
  const repositories: Map<string, Buffer>[] = [];
  for (const { version, image } of releases) {
    await repository.publish(version, {
      artefacts: image.artefacts,
      rootHash: image.rootHash,
      // Some hosts run what no patch is for.
      patchesFrom: 2,
      frameBytes: testFrameBytes,
      signing,
      migrations: worldMigrations,
    });
    repositories.push(await filesBelow(repository.directory));
  }
  const host = async (active: SetName): Promise<TestSystem> => {
    const system = await testSystem({ interfaces: () => ({ eth0: [address] }) });
    await writePartitionSets(system, active, "1.0.0");
    await system.write(shippedRootPath, repository.rootJson);
    await system.write("/local/there", "room for containers\n");
    await system.write("/usr/lib/os-release", "ID=orlop\n");
    await utimes(join(system.system.root, "usr/lib/os-release"), 0, 0);
    return system;
  };
  const [a, b] = await Promise.all(setNames.map(host));
  if (a === undefined || b === undefined) throw new Error("bug: there are two sets");
  return {
    releases,
    repositories,
    hosts: { a, b },
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
}

/** Blocks that cannot be compressed, of which a release has some anew, so that patches are worth their while. */
function rootOf(index: number): Buffer {
  const blocks = Array.from({ length: rootBlocks }, (_, block) => {
    const changedAt = index - ((index + block * 3) % changedEvery);
    return createHash("shake256", { outputLength: blockBytes }).update(`${block} ${changedAt}`).digest();
  });
  return Buffer.concat(blocks);
}

async function filesBelow(directory: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(directory, path), await readFile(path));
  }
  return files;
}

/** What comes of a release of a life, by its version; the first one is good. */
export function fateOf({ releases }: UpdateWorld, { fates }: UpdateScenario, version: string): Fate {
  const index = releases.findIndex((release) => release.version === version);
  return index === 0 ? "healthy" : (fates[index] ?? "healthy");
}
