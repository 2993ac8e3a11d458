/** Protects: patches are signed targets beside what there was, fit their source, and keep a repository small. */
import { expect, test } from "bun:test";
import { readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { likelyReleases } from "../../test/worlds/update/likely-releases.ts";
import { testMachines, testRepository, type TestRepository } from "../../test/worlds/update/update-repository.ts";
import type { TestImage } from "../../test/worlds/update/update-image.ts";
import { parseManifest, recall, type Machines, type Manifest } from "../manifest.ts";
import { changeManifest, prune } from "../publish.ts";
import { currentTree, readManifest } from "../repository.ts";
import { serialise } from "../tree.ts";
import { validateTree } from "../validate.ts";

async function publish(
  here: TestRepository,
  version: string,
  image: TestImage,
  machines = testMachines,
  patchesFrom = 4,
) {
  const { artefacts, rootHash } = image;
  await here.publish(version, { artefacts, rootHash, patchesFrom, machines });
}

async function manifestOf(here: TestRepository, machines: Machines = testMachines): Promise<Manifest> {
  const repository = await here.open();
  const tree = await currentTree(repository, machines);
  return await readManifest(repository, tree?.targets.signed.targets ?? {});
}

async function validated(here: TestRepository, machines: Machines = testMachines): Promise<Map<string, number>> {
  const { targets } = await validateTree(here.url, machines, serialise((await here.open()).roots[0]));
  return new Map(targets.map(({ name, bytes }) => [name, bytes]));
}

async function bytesBelow(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

test("a version has patches from those before it, which are signed, and smaller than its files", async () => {
  await using here = await testRepository();
  const images = likelyReleases(0, 4);
  for (const [index, image] of images.entries()) await publish(here, `1.${index}.0`, image, testMachines, 2);
  const targets = await validated(here);
  const newest = (await manifestOf(here)).updates.at(-1);
  expect(newest?.patches?.map(({ version, root_hash }) => [version, root_hash])).toEqual([
    ["1.2.0", images[2]?.rootHash ?? ""],
    ["1.1.0", images[1]?.rootHash ?? ""],
  ]);
  for (const { images: patched } of newest?.patches ?? []) {
    expect(targets.get(patched.root ?? "") ?? Number.NaN).toBeLessThan(
      (targets.get(newest?.images.root ?? "") ?? 0) / 10,
    );
    expect(targets.get(patched.hash ?? "") ?? Number.NaN).toBeLessThan(
      (targets.get(newest?.images.hash ?? "") ?? 0) / 4,
    );
  }
});

test("hosts and tools that know nothing of patches read what they always did", async () => {
  await using here = await testRepository();
  const [first, second] = likelyReleases(0, 2);
  if (first === undefined || second === undefined) throw new Error("two releases");
  await publish(here, "1.0.0", first);
  await publish(here, "1.1.0", second);
  const manifest = await manifestOf(here);
  const images = z.object({ boot: z.string(), root: z.string(), hash: z.string() });
  const known = { variant: z.string(), arch: z.string(), version: z.string(), max_version: z.string() };
  const older = z.object({
    updates: z.array(z.object({ ...known, waves: z.record(z.string(), z.string()), images })),
    migrations: z.record(z.string(), z.array(z.string())),
  });
  const seen = older.parse(manifest);
  expect(seen.updates[1]?.images).toEqual({ boot: "1.1.0-boot.efi", root: "1.1.0-root.zst", hash: "1.1.0-hash.zst" });
  expect(JSON.stringify(seen)).not.toContain("patch");
  expect(parseManifest(seen, "manifest.json").updates[1]).not.toHaveProperty("patches");
  const targets = await validated(here);
  expect(targets.get("1.1.0-boot.efi")).toBe(second.kernel.length);
});

test("nothing is made from a version that is not known by its root hash, or whose files are damaged", async () => {
  await using here = await testRepository();
  const [first, second, third] = likelyReleases(0, 3);
  if (first === undefined || second === undefined || third === undefined) throw new Error("three releases");
  await here.publish("1.0.0", { artefacts: first.artefacts });
  await publish(here, "1.1.0", second);
  expect((await manifestOf(here)).updates.at(-1)?.patches).toBeUndefined();
  const store = join(here.directory, "targets");
  const root = (await readdir(store)).find((name) => name.endsWith("1.1.0-root.zst")) ?? "";
  await truncate(join(store, root), 1000);
  await expect(publish(here, "1.2.0", third)).rejects.toThrow(`cannot make a patch with 1.1.0-root.zst`);
  await rm(join(store, root));
  await expect(publish(here, "1.2.0", third)).rejects.toMatchObject({ code: "no-patch-source" });
  expect((await manifestOf(here)).updates.map(({ version }) => version)).toEqual(["1.0.0", "1.1.0"]);
});

test("ten releases of three variants, made up as real ones differ, are less than three times one, and pruned ones are gone", async () => {
  await using here = await testRepository();
  const variants = ["dev", "metal-dev", "aws-dev"].map((variant, index) => ({
    machines: { variant, arch: "x86_64" },
    images: likelyReleases(index, 10),
  }));
  let newestBytes = 0;
  for (let release = 0; release < 10; release++) {
    newestBytes = 0;
    for (const { machines, images } of variants) {
      const image = images[release];
      if (image === undefined) throw new Error("ten releases");
      const { boot, root, hash } = image.artefacts;
      newestBytes += boot.length + root.length + hash.length;
      await publish(here, `1.${release}.0`, image, machines);
      await prune(await here.open(), machines, 2, here.signing());
    }
  }
  const bytes = await bytesBelow(here.directory);
  expect(bytes / newestBytes).toBeLessThan(3);
  for (const { machines } of variants) {
    const { updates } = await manifestOf(here, machines);
    expect(updates.map(({ version }) => version)).toEqual(["1.8.0", "1.9.0"]);
    expect(updates.at(-1)?.patches?.map(({ version }) => version)).toEqual(["1.8.0", "1.7.0"]);
    await validated(here, machines);
  }
  const names = (await readdir(join(here.directory, "targets"))).map((name) => name.slice(65));
  expect(names.filter((name) => name.startsWith("1.7.0"))).toEqual([]);
}, 180_000);

test("what was recalled, and what it was recalled to, stay when old versions are pruned", async () => {
  await using here = await testRepository();
  const images = likelyReleases(0, 4);
  for (const [index, image] of images.entries()) await publish(here, `1.${index}.0`, image, testMachines, 0);
  await changeManifest(await here.open(), testMachines, here.signing(), (manifest) =>
    recall(manifest, testMachines, "1.3.0"),
  );
  expect(await prune(await here.open(), testMachines, 2, here.signing())).toEqual(["1.0.0"]);
  expect(await prune(await here.open(), testMachines, 1, here.signing())).toEqual(["1.1.0"]);
  expect((await manifestOf(here)).updates.map(({ version }) => version)).toEqual(["1.2.0", "1.3.0"]);
});
