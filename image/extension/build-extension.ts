/**
 * A system extension for the hosts of one build: what is to be in their /usr beside the image, signed by the image's own key.
 *
 * The same content, build and key give the same bytes.
 */
import { X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { readIfPresent } from "../../lib/files/files.ts";
import { readRecord } from "../../lib/files/record.ts";
import { workDirectory } from "../../lib/files/work-directory.ts";
import { formatBytes } from "../../lib/progress.ts";
import { fingerprintOf } from "../../lib/verity-signature.ts";
import { extensionCertificatePath, extensionTarget, largestExtensionBytes } from "../../repo/extension.ts";
import { extensionNamePattern } from "../../settings/values/extension-name.ts";
import { variantNamed } from "../../variants/all.ts";
import { variantRecord, variantRecordPath } from "../../variants/variant-record.ts";
import type { Variant } from "../../variants/variant.ts";
import { imageKeyName, openSigningKey, type SigningKey } from "../boot/signing-key.ts";
import { isToken } from "../boot/token.ts";
import { artefactOf, type FinishedBuild } from "../finished-build.ts";
import { openToolsRoot, runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { fileContextsPath } from "../policy/policy.ts";
import { compressRoot } from "../root/compress.ts";
import { type ExtensionContent, gatherExtension, refuseUnfit } from "./extension-tree.ts";
import { makeSignedDisk } from "./signed-disk.ts";

export type ExtensionOptions = ExtensionContent & {
  /** Of the image; the user's own unless given. */
  key?: SigningKey;
  /** Directory where that is looked for. */
  keys?: string;
  /** Directory where the extension goes. */
  output: string;
  signal?: AbortSignal;
};

/**
 * @returns the path of the extension, which is called as in a repository
 * @throws {Failure<"bad-extension" | "wrong-key" | "no-such-file" | "bad-package">}
 */
export async function buildExtension(build: FinishedBuild, options: ExtensionOptions): Promise<string> {
  const { name, output, signal } = options;
  refuseName(name);
  const { variant, architecture, version } = build.manifest;
  const fetch = signal === undefined ? {} : { signal };
  const tools = await openToolsRoot(fetch);
  await mkdir(output, { recursive: true });
  await using work = await workDirectory(join(resolve(output), ".work"));
  const image = join(work.path, "image");
  const tree = join(work.path, "tree");
  const root = join(work.path, "root.erofs");
  await unpackImage(tools, build, work.path, image);
  const { interactive } = await variantOf(image, variant);
  const key = options.key ?? (await openSigningKey(tools, imageKeyName({ interactive }), options.keys));
  const signingTools = isToken(key.privateKey) ? await openToolsRoot({ ...fetch, sets: ["tools", "token"] }) : tools;
  await refuseOtherKey(build, image, key);
  await gatherExtension(tree, options, { variant, arch: architecture, version });
  // Everything in an image has the time of its lock.
  const epochSeconds = Math.trunc((await stat(join(image, "usr/lib/os-release"))).mtimeMs / 1000);
  await compressRoot(tools, tree, root, {
    key: `${build.name} ${name}`,
    epochSeconds,
    labels: join(image, fileContextsPath),
  });
  await refuseUnfit(name, tree, image, { scripts: interactive });
  const target = extensionTarget({ variant, arch: architecture, version }, name);
  const made = join(work.path, target);
  await makeSignedDisk(signingTools, made, { root, work: work.path, key, architecture, name, epochSeconds });
  refuseTooLarge(name, (await stat(made)).size);
  await rename(made, join(output, target));
  return join(output, target);
}

function refuseName(name: string): void {
  if (extensionNamePattern.test(name)) return;
  throw new Failure(
    "bad-extension",
    `cannot make an extension called "${name}": 1 to 40 small letters, digits and hyphens are expected`,
  );
}

function refuseTooLarge(name: string, bytes: number): void {
  if (bytes <= largestExtensionBytes) return;
  const sizes = `${formatBytes(bytes)}, and hosts take at most ${formatBytes(largestExtensionBytes)}`;
  throw new Failure("bad-extension", `cannot make the extension ${name}: it has ${sizes}`);
}

/** The root as the build has it, so that what hosts run is what counts. */
async function unpackImage(tools: ToolsRoot, build: FinishedBuild, work: string, image: string): Promise<void> {
  const packed = await artefactOf(build, build.manifest.root);
  const erofs = join(work, "image.erofs");
  await runTool(tools, ["zstd", "--quiet", "--decompress", "-o", erofs, packed], {
    binds: [work],
    readOnlyBinds: [packed],
  });
  await runTool(tools, ["fsck.erofs", "-d0", "--no-preserve-owner", `--extract=${image}`, erofs], { binds: [work] });
}

/** As its image says where that is one of somebody's own. */
async function variantOf(image: string, name: string): Promise<Variant> {
  const own = await readRecord(join(image, variantRecordPath), variantRecord, "build the image anew");
  return own ?? variantNamed(name);
}

/** @throws {Failure<"wrong-key">} when the hosts of the build would refuse what the key signs */
async function refuseOtherKey({ name }: FinishedBuild, image: string, key: SigningKey): Promise<void> {
  const trusted = await readIfPresent(join(image, extensionCertificatePath));
  if (trusted === undefined) {
    throw new Failure("wrong-key", `cannot make an extension for ${name}: it is of a version that takes none`);
  }
  const [wanted, own] = [trusted, await readFile(key.certificate)].map((pem) =>
    fingerprintOf(new X509Certificate(pem)),
  );
  if (wanted === own) return;
  throw new Failure(
    "wrong-key",
    `cannot make an extension for ${name}: its hosts take what the key with the certificate ${wanted} has signed, and ${key.certificate} is ${own}`,
    { hint: "name that key by --signing-key and --signing-certificate" },
  );
}
