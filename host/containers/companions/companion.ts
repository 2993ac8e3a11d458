/**
 * Companions: images of containers that come with the OS and from no registry, `orlop.local/NAME`.
 *
 * Each version of the OS has its own, so containerd keeps them by version: after an update a host runs those of the version
 * it runs, and after going back those of the version before.
 */
import { Failure } from "../../../lib/failure.ts";
import { companionRegistry } from "../../../settings/values/oci-names.ts";
import type { Reference } from "../registry/reference.ts";

/** The version of the OS that a host runs, or is about to. */
export type CompanionVersion = {
  version: string;
  /** The commit, of an image that brings companions itself: another build of the version has others. */
  build?: string;
};

/**
 * The companion that a source of a container names; undefined for what comes from a registry.
 *
 * @throws {Failure<"bad-image-reference">}
 */
export function companionIn({ registry, repository, tag, digest, name }: Reference): string | undefined {
  if (registry !== companionRegistry) return undefined;
  if (tag === "latest" && digest === undefined) return repository;
  throw new Failure("bad-image-reference", `cannot use image ${name}: images that come with the OS have no versions`, {
    hint: `write ${registry}/${repository}, which is that of the version that runs`,
  });
}

/** As containerd keeps it. */
export function imageNameOf(companion: string, { version, build }: CompanionVersion): string {
  return `${companionPrefix(companion)}${version}${build === undefined ? "" : `-${build}`}`;
}

/** Before the version. */
export const companionPrefix = (companion: string): string => `${companionRegistry}/${companion}:`;

/** A copy in the root of an image: `./orlop build --with-containers`. */
export const companionCopyPath = (companion: string): string => `/usr/share/orlop/images/${companion}.tar`;
