/** Adds our own programs to a root, and makes of it the read-only file system and its hash tree. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { chmod, copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { frameBytes, packed } from "../../lib/zstd/seekable-zstd.ts";
import type { Lock, LockedPackage } from "../packages/lock.ts";
import { sha256OfFile } from "../packages/cache.ts";
import { sbomOf } from "../packages/sbom.ts";
import type { ToolsRoot } from "../packages/tools-root.ts";
import { makeVerity, writeVerity } from "../verity.ts";
import type { PlacedProgram } from "./make-root.ts";
import { compressRoot } from "./compress.ts";
import { imageName, type ImageIdentity, osRelease } from "./os-release.ts";
import { linkTree } from "./tree.ts";

export type SealInputs = {
  tools: ToolsRoot;
  lock: Lock;
  identity: ImageIdentity;
  packages: readonly LockedPackage[];
  /** Result of `makeRoot`; it is not changed. */
  root: string;
  /** Those that recipes made. */
  programs: readonly PlacedProgram[];
  hostBinary: string;
  hostNames: { executable: string; links: readonly string[] };
  /** A root role of the update repository, to be trusted. */
  updateRoot?: string;
  epochSeconds: number;
};

/**
 * Makes `root.erofs`, `root.verity` and `verity.json` in the directory, both files also as .zst for updates, and
 * `sbom.spdx.json`, which the root holds too.
 */
export async function sealRoot(directory: string, inputs: SealInputs): Promise<void> {
  const { tools, identity, hostBinary, hostNames, epochSeconds } = inputs;
  const tree = join(directory, "tree");
  // A copy of all files would take longer than compressing them.
  await linkTree(inputs.root, tree);
  const program = join(tree, "usr/bin", hostNames.executable);
  await copyFile(hostBinary, program);
  await chmod(program, 0o755);
  for (const link of hostNames.links) await symlink(hostNames.executable, join(tree, "usr/bin", link));
  await writeFile(join(tree, "usr/lib/os-release"), osRelease(identity));
  const sbom = await describe(inputs);
  await writeFile(join(directory, "sbom.spdx.json"), sbom);
  await mkdir(join(tree, "usr/share/orlop"), { recursive: true });
  await writeFile(join(tree, "usr/share/orlop/sbom.spdx.json"), sbom);
  if (inputs.updateRoot !== undefined) {
    await mkdir(join(tree, "usr/share/orlop/updates"));
    await writeFile(join(tree, "usr/share/orlop/updates/root.json"), await readFile(inputs.updateRoot));
  }

  const erofs = join(directory, "root.erofs");
  const hash = join(directory, "root.verity");
  await compressRoot(tools, tree, erofs, {
    key: `${imageName(identity)} ${await sha256OfFile(hostBinary)}`,
    epochSeconds,
  });
  await rm(tree, { recursive: true });
  await writeVerity(directory, await makeVerity(tools, erofs, hash));
  for (const path of [erofs, hash]) await pack(path);
}

/** Beside it, for updates: a host whose download broke off goes on in the middle. */
async function pack(path: string): Promise<void> {
  const content = Bun.file(path);
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.size; at += frameBytes) yield await content.slice(at, at + frameBytes).bytes();
  };
  await pipeline(packed(pieces()), createWriteStream(`${path}.zst`));
}

async function describe({ identity, lock, packages, programs, hostBinary }: SealInputs): Promise<string> {
  const { architecture, version } = identity;
  const sha256 = await sha256OfFile(hostBinary);
  const components = [
    { name: "orlop", version, purl: `pkg:generic/orlop@${version}`, license: "Apache-2.0", sha256 },
    ...programs.map(({ program: name, recipe, sha256: hash }) => {
      const { version: made, purl, license } = recipe;
      return { name, version: made, purl, license, sha256: hash };
    }),
  ];
  return sbomOf({ image: imageName(identity), version, architecture, lock, packages, components });
}
