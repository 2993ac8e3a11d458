/** Packages of a lock, brought into the cache and unpacked into a directory. */
import type { TarEntry } from "./debian/tar-listing.ts";
import { type FetchOptions, fetchPackages } from "./fetch.ts";
import type { LockedPackage } from "./lock.ts";
import { type Deb, unpackAll, type UnpackOptions } from "./unpack.ts";

/**
 * @param further packages that lie on this computer already
 * @returns what each package brought, by its name
 */
export async function unpackPackages(
  packages: readonly LockedPackage[],
  directory: string,
  options: Pick<UnpackOptions, "label" | "exclude">,
  fetch: FetchOptions,
  further: readonly Deb[] = [],
): Promise<Map<string, TarEntry[]>> {
  const files = await fetchPackages(packages, fetch);
  const debs = packages.map(({ name, sha256 }) => ({ name, file: files.get(sha256) ?? "" }));
  return await unpackAll([...debs, ...further], directory, { ...fetch, ...options });
}
