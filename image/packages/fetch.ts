/** Brings the packages of a lock into the cache. */
import { defined } from "../../lib/defined.ts";
import { cacheDirectory } from "./cache.ts";
import { download } from "./download.ts";
import type { LockedPackage } from "./lock.ts";
import { mirrorAt, mirrorOfMachine } from "./debian/mirror.ts";

export type FetchOptions = {
  /** The main archive's address; apt's configuration on this machine when absent. */
  mirror?: string;
  /** The user's cache when absent. */
  cache?: string;
  signal?: AbortSignal;
};

/** Downloads what is missing and checks what is there; the files come back by SHA-256. */
export async function fetchPackages(
  packages: readonly LockedPackage[],
  { mirror: address, cache = cacheDirectory(), signal }: FetchOptions = {},
): Promise<Map<string, string>> {
  const mirror = address === undefined ? await mirrorOfMachine() : mirrorAt(address);
  const wanted = packages.map(({ archive, path, sha256, bytes }) => {
    // A version may hold characters that mean something in an address, like "+" and ":".
    const url = `${mirror[archive]}/${path.split("/").map(encodeURIComponent).join("/")}`;
    return { url, sha256, bytes };
  });
  return download(wanted, {
    cache,
    label: "downloading packages",
    ...defined({ signal }),
  });
}
