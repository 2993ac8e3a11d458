/** Adds our own programs and the policy of SELinux to a root, and makes of it the read-only file system and its hash tree. */
import { createWriteStream } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { frameBytes, packed } from "../../lib/zstd/seekable-zstd.ts";
import type { AddedDeb } from "../additions/additions.ts";
import type { InputFile, KeyedDirectory } from "../inputs.ts";
import type { LockedPackage } from "../packages/lock.ts";
import { sbomOf } from "../packages/sbom.ts";
import { placePolicy, policySources } from "../policy/policy.ts";
import { type ImagePlan, identityOf } from "../plan.ts";
import { compressRoot } from "../root/compress.ts";
import { imageName, type ImageIdentity, osRelease } from "../root/os-release.ts";
import { type PlacedProgram, rootPackages } from "../root/packages.ts";
import { linkTree } from "../root/tree.ts";
import { step } from "../step.ts";
import { extensionCertificatePath } from "../../repo/extension.ts";
import { variantRecordPath } from "../../variants/variant-record.ts";
import { makeVerity, writeVerity } from "../verity.ts";

/**
 * Makes `root.erofs`, `root.verity` and `verity.json` in the directory, both files also as .zst for updates, and
 * `sbom.spdx.json`, which the root holds too.
 */
export const sealRoot = step({
  name: ({ variant, architecture }) => `sealed-${variant.name}-${architecture}`,
  label: () => "EROFS and hash tree",
  module: import.meta.path,
  inputs: async (
    plan: ImagePlan & {
      programs: readonly PlacedProgram[];
      root: KeyedDirectory;
      copies: Readonly<Record<string, InputFile>>;
    },
  ) => {
    const { tools, lock, variant, hostBinary, hostNames, updateRoot, epochSeconds, programs, root, copies } = plan;
    const { variantRecord: record, additions } = plan;
    const { host, variant: own } = rootPackages(lock, variant, additions);
    return {
      tools,
      root,
      policy: await policySources(),
      packages: [...host, ...own],
      programs,
      debs: additions?.debs ?? [],
      hostBinary,
      hostNames,
      updateRoot,
      certificate: plan.bootKeys.image.certificate,
      copies,
      record,
      identity: identityOf(plan),
      date: lock.date,
      epochSeconds,
    };
  },
  async make(directory, inputs) {
    const { tools, root, policy, hostBinary, hostNames, updateRoot, identity, epochSeconds } = inputs;
    const tree = join(directory, "tree");
    // A copy of all files would take longer than compressing them.
    await linkTree(join(root.directory, "root"), tree);
    const program = join(tree, "usr/bin", hostNames.executable);
    await copyFile(hostBinary.path, program);
    await chmod(program, 0o755);
    for (const link of hostNames.links) await symlink(hostNames.executable, join(tree, "usr/bin", link));
    await writeFile(join(tree, "usr/lib/os-release"), osRelease(identity));
    await placePolicy(tools, tree, policy);
    const sbom = sbomText(inputs);
    await writeFile(join(directory, "sbom.spdx.json"), sbom);
    await mkdir(join(tree, "usr/share/orlop"), { recursive: true });
    await writeFile(join(tree, "usr/share/orlop/sbom.spdx.json"), sbom);
    if (inputs.record !== undefined) await writeFile(join(tree, variantRecordPath), inputs.record);
    await placeCertificate(tree, inputs.certificate);
    if (updateRoot !== undefined) await placeUpdateRoot(tree, updateRoot);
    for (const [name, { path }] of Object.entries(inputs.copies)) await placeCompanion(tree, name, path);

    const erofs = join(directory, "root.erofs");
    const hash = join(directory, "root.verity");
    const key = `${imageName(identity)} ${hostBinary.sha256}`;
    await compressRoot(tools, tree, erofs, { key, epochSeconds });
    await rm(tree, { recursive: true });
    await writeVerity(directory, await makeVerity(tools, erofs, hash));
    for (const path of [erofs, hash]) await pack(path);
  },
});

/** Of the key that signs the image: what else it signs, the host takes as its own. */
async function placeCertificate(tree: string, certificate: InputFile): Promise<void> {
  const path = join(tree, extensionCertificatePath);
  await mkdir(dirname(path), { recursive: true });
  await copyFile(certificate.path, path);
  await chmod(path, 0o644);
}

/** A root role of the update repository, which the host trusts from the start. */
async function placeUpdateRoot(tree: string, role: InputFile): Promise<void> {
  const directory = join(tree, "usr/share/orlop/updates");
  await mkdir(directory);
  await writeFile(join(directory, "root.json"), await readFile(role.path));
}

/** An image of a container that comes with the host, where host/containers/companions/companion.ts looks for it. */
async function placeCompanion(tree: string, name: string, archive: string): Promise<void> {
  const directory = join(tree, "usr/share/orlop/images");
  await mkdir(directory, { recursive: true });
  await copyFile(archive, join(directory, `${name}.tar`));
}

/** Beside it, for updates: a host whose download broke off goes on in the middle. */
async function pack(path: string): Promise<void> {
  const content = Bun.file(path);
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.size; at += frameBytes) yield await content.slice(at, at + frameBytes).bytes();
  };
  await pipeline(packed(pieces()), createWriteStream(`${path}.zst`));
}

function sbomText({
  identity,
  date,
  packages,
  programs,
  debs,
  hostBinary: { sha256 },
}: {
  identity: ImageIdentity;
  date: string;
  packages: readonly LockedPackage[];
  programs: readonly PlacedProgram[];
  debs: readonly AddedDeb[];
  hostBinary: InputFile;
}): string {
  const { architecture, version } = identity;
  const components = [
    { name: "orlop", version, purl: `pkg:generic/orlop@${version}`, license: "Apache-2.0", sha256 },
    ...programs.map(({ name, file, recipe }) => {
      const { version: made, purl, license } = recipe;
      return { name, version: made, purl, license, sha256: file.sha256 };
    }),
    ...debs.map(({ name, version: made, file }) => {
      return { name, version: made, purl: `pkg:deb/${name}@${encodeURIComponent(made)}`, sha256: file.sha256 };
    }),
  ];
  return sbomOf({ image: imageName(identity), version, architecture, lock: { date }, packages, components });
}
