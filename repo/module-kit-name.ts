/** What the kit of a version is called in the repository, as Bottlerocket's kits are. */
import type { Machines } from "./manifest.ts";

/** "metal-k8s-1.35-x86_64-kmod-kit-v0.1.0.tar.xz" */
export function moduleKitName({ variant, arch }: Machines, version: string): string {
  return `${variant}-${arch}-kmod-kit-v${version}.tar.xz`;
}
