/** What ISO and network boot have in common: an installer that knows its image, and the image as it reads it. */
import { join } from "node:path";
import { imageKeyName, openSigningKey, type SigningKey } from "../../image/boot/signing-key.ts";
import { isToken } from "../../image/boot/token.ts";
import { artefactOf, type FinishedBuild } from "../../image/finished-build.ts";
import { makeInstaller } from "../../image/installer/make-installer.ts";
import { openToolsRoot, type ToolsRoot } from "../../image/packages/tools-root.ts";
import type { ImageSource, InstallOrder } from "../../installer/order.ts";
import { Failure } from "../../lib/failure.ts";
import { variants } from "../../variants/all.ts";
import type { Platform } from "../../variants/variant.ts";
import { packImage } from "./packed-image.ts";

export type InstallerPublishOptions = {
  /** Directory; the build's own unless given. */
  output?: string | undefined;
  /** Signs the installer; the key that signed the image, as far as the tree of keys tells, unless given. */
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
 * @throws {Failure<"wrong-platform">}
 */
export async function packInstaller(
  build: FinishedBuild,
  options: InstallerPublishOptions,
  { tools, work, source }: { tools: ToolsRoot; work: string; source: ImageSource },
): Promise<PackedInstaller> {
  const { name, manifest } = build;
  const { program, chosen, signal } = options;
  const platform = platformOf(build);
  const { variant, version, disk } = manifest;
  const key =
    options.signingKey ?? (await openSigningKey(tools, imageKeyName({ interactive: isInteractive(variant) })));
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

/** A variant of somebody's own counts as one without a shell; where it has one, the key is to be named. */
function isInteractive(variant: string): boolean {
  return variants.get(variant)?.interactive ?? false;
}

/**
 * What the machines of a build are, where it can have an installer: images for clouds and for VMware start as they are.
 *
 * @throws {Failure<"wrong-platform">}
 */
export function platformOf({ name, manifest }: FinishedBuild): Platform {
  // Variants of somebody's own are not in the table; what they are for, their kernel's drivers show.
  const platform = variants.get(manifest.variant)?.platform ?? "metal";
  if (platform === "metal" || platform === "qemu") return platform;
  throw new Failure("wrong-platform", `cannot make an installer of ${name}: it is for ${platform}, expected metal`);
}
