/** What ISO and network boot have in common: an installer that knows its image, and the image as it reads it. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { imageKeyName, openSigningKey, type SigningKey } from "../../image/boot/signing-key.ts";
import { isToken } from "../../image/boot/token.ts";
import { artefactOf, type FinishedBuild } from "../../image/finished-build.ts";
import { makeInstaller } from "../../image/installer/make-installer.ts";
import { openToolsRoot, type ToolsRoot } from "../../image/packages/tools-root.ts";
import type { ImageSource, InstallOrder } from "../../installer/order.ts";
import { signaturesIn } from "../../lib/efi/authenticode.ts";
import { Failure } from "../../lib/failure.ts";
import type { Platform, Variant } from "../../variants/variant.ts";
import { packImage } from "./packed-image.ts";

export type InstallerPublishOptions = {
  /** Directory; the build's own unless given. */
  output?: string | undefined;
  /** That of the build. */
  variant: Variant;
  /** Directory of the keys that sign its images; the user's own unless given. */
  keys?: string | undefined;
  /** Signs the installer; the one in `keys` that signs images of the variant unless given. */
  signingKey?: SigningKey | undefined;
  /** The installer's executable. */
  program: string;
  /** What people choose of an order. */
  chosen: Pick<InstallOrder, "disk" | "userData" | "countdownSeconds" | "replace" | "afterwards">;
  signal: AbortSignal;
};

export type PackedInstaller = { efi: string; image: string };

/**
 * Packs the image of a build, and makes an installer for it.
 *
 * @param source where the installer finds the packed image
 * @throws {Failure<"wrong-platform" | "wrong-certificate">}
 */
export async function packInstaller(
  build: FinishedBuild,
  options: InstallerPublishOptions,
  { tools, work, source }: { tools: ToolsRoot; work: string; source: ImageSource },
): Promise<PackedInstaller> {
  const { name, manifest } = build;
  const { program, chosen, keys, signal } = options;
  const platform = platformOf(build, options.variant);
  const { variant, version, disk } = manifest;
  const key = options.signingKey ?? (await openSigningKey(tools, imageKeyName(options.variant), keys));
  await requireSignerOf(build, key);
  const signingTools = isToken(key.privateKey) ? await openToolsRoot({ signal, sets: ["token"] }) : tools;
  const order: InstallOrder = {
    format: 1,
    image: { name, variant, version, bytes: disk.bytes, sha256: disk.sha256 },
    source,
    ...chosen,
  };
  const image = join(work, `${name}.img.zst`);
  await packImage(await artefactOf(build, disk), image, signal);
  const efi = await makeInstaller(build, { platform, tools, signingTools, key, program, order, work, signal });
  return { efi, image };
}

/**
 * What the machines of a build are, where it can have an installer: images for clouds and for VMware start as they are.
 *
 * @throws {Failure<"wrong-platform">}
 */
export function platformOf({ name }: FinishedBuild, { platform }: Pick<Variant, "platform">): Platform {
  if (platform === "metal" || platform === "qemu") return platform;
  throw new Failure("wrong-platform", `cannot make an installer of ${name}: it is for ${platform}, expected metal`);
}

/** Firmware that starts the image has to start its installer, so both have one signer. */
async function requireSignerOf(build: FinishedBuild, { certificate }: SigningKey): Promise<void> {
  const image = await artefactOf(build, build.manifest.unifiedImage);
  const { raw } = new X509Certificate(await readFile(certificate));
  if (signaturesIn(await readFile(image), image).includes(raw)) return;
  throw new Failure(
    "wrong-certificate",
    `cannot make an installer of ${build.name}: its image is not signed by the key of ${certificate}`,
    { hint: "name the key that signed it: --signing-key and --signing-certificate" },
  );
}
