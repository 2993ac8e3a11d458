/**
 * Debian's archives, as a mirror serves them: the release files of our suites and the package indexes they vouch for.
 */
import { defined } from "../../../lib/defined.ts";
import { Failure, isFailure } from "../../../lib/failure.ts";
import { bytesOf } from "../../../lib/files/http-body.ts";
import { run } from "../../../lib/program/process.ts";
import { say } from "../../../lib/progress.ts";
import type { Architecture } from "../../../variants/variant.ts";
import { debianArchitecture } from "../base.ts";
import { cacheDirectory } from "../cache.ts";
import { download } from "../download.ts";
import type { DebianArchive, DebianMirror } from "./mirror.ts";
import { indexOf, type Package, type PackageIndex, readPackages } from "./package-index.ts";
import { archiveKeys, type DebianRelease, type Keyrings, readRelease } from "./release.ts";

/** The suites of Debian 13 that images are made from, with the archive that has each. */
const suites: readonly { suite: string; archive: DebianArchive }[] = [
  { suite: "trixie", archive: "debian" },
  { suite: "trixie-updates", archive: "debian" },
  { suite: "trixie-security", archive: "debian-security" },
];

/** An InRelease is some 150 KB; what is far larger is something else. */
const releaseLimits = { mostBytes: 4 * 1024 * 1024, stallMs: 30_000 };
/** That of Debian 13 is 55 MB. */
const maxIndexBytes = 512 * 1024 * 1024;

export type ArchiveOptions = {
  /** The user's cache when absent. */
  cache?: string;
  /** The directory with the archive's public keys; the machine's own when absent. */
  keyrings?: Keyrings;
  signal?: AbortSignal;
};

/** The release files of all suites, each with a good signature. */
export async function fetchReleases(
  mirror: DebianMirror,
  { keyrings, signal }: ArchiveOptions,
): Promise<DebianRelease[]> {
  const keys = await archiveKeys(keyrings);
  const now = new Date();
  return Promise.all(
    suites.map(async ({ suite, archive }) => {
      const url = `${mirror[archive]}/dists/${suite}/InRelease`;
      const text = await fetchSmall(url, signal);
      const release = await readRelease(text, { suite, keys, now, where: url });
      if (release.warning !== undefined) say(`warning: ${release.warning}`);
      return release;
    }),
  );
}

/** Not through the cache: what it is worth is in its signature and its date, so it is always asked for anew. */
async function fetchSmall(url: string, signal?: AbortSignal): Promise<string> {
  let response;
  try {
    response = await fetch(url, {
      signal: AbortSignal.any([AbortSignal.timeout(60_000), ...(signal === undefined ? [] : [signal])]),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Failure("download", `cannot download ${url}`, { cause });
  }
  if (!response.ok) {
    throw new Failure("download", `cannot download ${url}: the server answered ${response.status}`, {
      hint: "choose another mirror with --mirror",
    });
  }
  return (await bytesOf(response, url, releaseLimits)).toString("utf8");
}

/** What the suites together offer for an architecture. */
export async function fetchIndex(
  mirror: DebianMirror,
  releases: readonly DebianRelease[],
  architecture: Architecture,
  options: ArchiveOptions,
): Promise<PackageIndex> {
  return indexOf(await fetchPackageLists(mirror, releases, architecture, options));
}

/** Every version of every package that the suites have. */
export async function fetchPackageLists(
  mirror: DebianMirror,
  releases: readonly DebianRelease[],
  architecture: Architecture,
  { cache = cacheDirectory(), signal }: ArchiveOptions,
): Promise<Package[]> {
  const wanted = suites.map(({ suite, archive }) => {
    const path = `main/binary-${debianArchitecture(architecture)}/Packages.xz`;
    const file = releases.find((release) => release.suite === suite)?.files.get(path);
    if (file === undefined) {
      throw new Failure("bad-release", `cannot find ${path} in the release file of ${suite}`);
    }
    const byHash = `main/binary-${debianArchitecture(architecture)}/by-hash/SHA256/${file.sha256}`;
    return { ...file, archive, suite, base: `${mirror[archive]}/dists/${suite}`, byHash, path };
  });
  const options = {
    cache,
    label: `downloading package indexes for ${architecture}`,
    ...defined({ signal }),
  };
  const paths = await download(
    // By hash, for a plain name may already mean the next version while a mirror is being updated.
    wanted.map((file) => ({ ...file, url: `${file.base}/${file.byHash}` })),
    options,
  ).catch((error: unknown) => {
    if (!isFailure(error, "not-on-mirror")) throw error;
    return download(
      wanted.map((file) => ({ ...file, url: `${file.base}/${file.path}` })),
      options,
    );
  });
  const packages: Package[] = [];
  for (const { sha256, archive, suite } of wanted) {
    const { stdout } = await run(["xz", "--decompress", "--stdout", paths.get(sha256) ?? ""], {
      outputBytesMost: maxIndexBytes,
    });
    packages.push(...readPackages(stdout, archive, `the package index of ${suite} for ${architecture}`));
  }
  say(`${architecture}: the indexes name ${packages.length} packages`);
  return packages;
}
