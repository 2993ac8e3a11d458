/**
 * Locks of the past: the lock of this tree with older packages in it, as far as Debian's archive still serves them. What is
 * built from one and from the lock itself differs as two releases do.
 */
import { kernelPackages } from "../../image/packages/base.ts";
import { fetchPackageLists, fetchReleases } from "../../image/packages/debian/archive.ts";
import { mirrorOfMachine } from "../../image/packages/debian/mirror.ts";
import type { Package } from "../../image/packages/debian/package-index.ts";
import { compareVersions } from "../../image/packages/debian/version.ts";
import { packagesOf, type Lock } from "../../image/packages/lock.ts";
import { lockedPackage } from "../../image/packages/update-lock.ts";
import type { Variant } from "../../variants/variant.ts";

/** What an older lock is about, and the lock. */
export type OlderLock = { label: string; lock: Lock };

/** The packages of a usual point release. */
const mostPackages = 10;
const kernelName = /^linux-image-\d[^-]*\+deb13[^-]*-/;

export type OlderLocks = { package: OlderLock; packages: OlderLock; kernel: OlderLock; release: OlderLock };

/** @throws {Error} when the archive has no older version of what a variant is made from */
export async function olderLocks(lock: Lock, variant: Variant, signal: AbortSignal): Promise<OlderLocks> {
  const mirror = await mirrorOfMachine();
  const offered = await fetchPackageLists(mirror, await fetchReleases(mirror, { signal }), lock.architecture, {
    signal,
  });
  const older = olderPackages(lock, variant, offered).slice(0, mostPackages);
  const [first] = older;
  const kernel = olderKernel(lock, variant, offered);
  if (first === undefined || kernel === undefined) throw new Error("the archive has nothing older than the lock");
  const described = (each: Package): string => `${each.name} ${each.version}`;
  return {
    package: { label: described(first), lock: withPackages(lock, [first]) },
    packages: { label: older.map(described).join(", "), lock: withPackages(lock, older) },
    kernel: { label: described(kernel), lock: withKernel(lock, kernel) },
    release: {
      label: `these packages and ${described(kernel)}`,
      lock: withKernel(withPackages(lock, older), kernel),
    },
  };
}

/** Those of an image but for its kernel, the newest before the lock's own, the largest first. */
function olderPackages(lock: Lock, variant: Variant, offered: readonly Package[]): Package[] {
  const used = packagesOf(lock, ["base", variant.name]);
  return used
    .flatMap(({ name, version }) => {
      const before = offered.filter((each) => each.name === name && compareVersions(each.version, version) < 0);
      return before.toSorted((a, b) => compareVersions(b.version, a.version)).slice(0, 1);
    })
    .toSorted((a, b) => b.bytes - a.bytes);
}

/** The one before the kernel of the lock. A kernel's version is in the name of its package. */
function olderKernel(lock: Lock, variant: Variant, offered: readonly Package[]): Package | undefined {
  const current = currentKernel(lock, variant);
  const flavour = current.name.replace(kernelName, "");
  return offered
    .filter(({ name }) => kernelName.test(name) && name.replace(kernelName, "") === flavour)
    .filter(({ version }) => compareVersions(version, current.version) < 0)
    .toSorted((a, b) => compareVersions(b.version, a.version))[0];
}

function currentKernel(lock: Lock, variant: Variant): Lock["packages"][number] {
  const meta = kernelPackages[variant.kernel](lock.architecture);
  const kernel = packagesOf(lock, [`kernel-${variant.kernel}`]).find(({ name }) => name !== meta);
  if (kernel === undefined) throw new Error(`the lock has no kernel for ${variant.name}`);
  return kernel;
}

function withPackages(lock: Lock, older: readonly Package[]): Lock {
  const replaced = new Map(older.map((each) => [each.name, lockedPackage(each)]));
  return { ...lock, packages: lock.packages.map((each) => replaced.get(each.name) ?? each) };
}

function withKernel(lock: Lock, kernel: Package): Lock {
  const sets = Object.entries(lock.sets).map(([name, members]) => [
    name,
    name.startsWith("kernel-") ? members.map((each) => (sameFlavour(each, kernel.name) ? kernel.name : each)) : members,
  ]);
  return {
    ...lock,
    sets: Object.fromEntries(sets) as Lock["sets"],
    packages: [...lock.packages, lockedPackage(kernel)],
  };
}

function sameFlavour(name: string, kernel: string): boolean {
  return kernelName.test(name) && name.replace(kernelName, "") === kernel.replace(kernelName, "");
}
