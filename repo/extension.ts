/**
 * System extensions: what image, repository and host agree on.
 *
 * An extension is a disk image of the Discoverable Partitions Specification with a file system of /usr, as systemd-sysext(8)
 * takes it. It is made for one version of one variant.
 */
import type { Machines } from "./manifest.ts";

/** Of one extension. All of it is read at each boot. */
export const largestExtensionBytes = 1024 * 1024 * 1024;

export type ExtensionHost = Machines & { version: string };

/** What it is called in a repository: "metal-k8s-1.35-x86_64-extension-tools-v0.1.0.raw" */
export function extensionTarget({ variant, arch, version }: ExtensionHost, name: string): string {
  return `${variant}-${arch}-extension-${name}-v${version}.raw`;
}

/** Whether a target is an extension for those hosts, whatever the extension is called. */
export function isExtensionFor({ variant, arch, version }: ExtensionHost, target: string): boolean {
  return target.startsWith(`${variant}-${arch}-extension-`) && target.endsWith(`-v${version}.raw`);
}

/** Where an image has the certificate of the key that signs its extensions: a place that systemd knows too. */
export const extensionCertificatePath = "usr/lib/verity.d/orlop.crt";

/** The labels of its partitions. */
export const extensionPartitions = {
  root: "extension",
  verity: "extension-verity",
  signature: "extension-verity-sig",
} as const;

export const extensionReleasePath = (name: string): string => `usr/lib/extension-release.d/extension-release.${name}`;

/** The fields by which a host knows that it was made for it. Source: os-release(5), "extension-release". */
export function extensionFields({ variant, arch, version }: ExtensionHost): ReadonlyMap<string, string> {
  return new Map([
    ["ID", "orlop"],
    ["VERSION_ID", version],
    ["VARIANT_ID", variant],
    ["ARCHITECTURE", arch === "x86_64" ? "x86-64" : "arm64"],
  ]);
}

export function extensionRelease(host: ExtensionHost): string {
  return [...extensionFields(host)].map(([key, value]) => `${key}=${value}\n`).join("");
}

/** Why a host does not take an extension with these fields; undefined when it does. */
export function releaseMismatch(fields: ReadonlyMap<string, string>, host: ExtensionHost): string | undefined {
  for (const [key, wanted] of extensionFields(host)) {
    const value = fields.get(key);
    if (value !== wanted) return `it was made for ${key} ${value ?? "unsaid"}, and this host has ${wanted}`;
  }
  return undefined;
}
