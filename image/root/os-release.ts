/** `/usr/lib/os-release`: what the image says it is. Source: os-release(5); names as in Bottlerocket's. */
import type { Architecture, Variant } from "../../variants/variant.ts";

export type ImageIdentity = {
  variant: Pick<Variant, "name">;
  architecture: Architecture;
  version: string;
  /** The commit it is built from, as in the image's name: "dafe3b16", "dafe3b16-dirty". */
  commit: string;
};

/** "orlop-dev-x86_64-0.1.0-dafe3b16": what files of this image are called before their suffix. */
export function imageName({ variant, architecture, version, commit }: ImageIdentity): string {
  return `orlop-${variant.name}-${architecture}-${version}-${commit}`;
}

export function osRelease({ variant, architecture, version, commit }: ImageIdentity): string {
  return [
    `NAME=Orlop`,
    `ID=orlop`,
    `VERSION="${version} (${variant.name})"`,
    `PRETTY_NAME="Orlop OS ${version} (${variant.name})"`,
    `VARIANT_ID=${variant.name}`,
    `VERSION_ID=${version}`,
    `BUILD_ID=${commit}`,
    `ARCHITECTURE=${architecture === "x86_64" ? "x86-64" : "arm64"}`,
    "",
  ].join("\n");
}
