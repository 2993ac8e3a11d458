/**
 * Releases as they follow each other, much smaller: packages of which some are new now and then, a kernel that is
 * all new at some releases, and what all variants share. Content is random, as compressed files are.
 */
import { createHash } from "node:crypto";
import { Random } from "../../simulator/random.ts";
import { imageOf, type TestImage } from "./update-image.ts";

const blockBytes = 4096;
/** A root of dev has 265 MB of 130 packages, and its kernel 20 MB. */
const packagesInRoot = 130;
const packageBlocks = { least: 1, most: 3 } as const;
const kernelBytes = 80_000;

/** What a release changes, in the order of a year: packages that are new, and now and then the kernel. */
export const usualSteps = [
  { packages: 3, kernel: false },
  { packages: 10, kernel: false },
  { packages: 10, kernel: true },
] as const;

type Package = { seed: number; blocks: number; version: number };

/** The first release of a variant, and as many after it; variants share packages up to `shared` of all. */
export function likelyReleases(variant: number, count: number): TestImage[] {
  const common = new Random(1);
  const own = new Random(100 + variant);
  const packages: Package[] = Array.from({ length: packagesInRoot }, (_, index) => {
    const random = index < packagesInRoot * 0.6 ? common : own;
    return { seed: random.seed(), blocks: random.integer(packageBlocks.least, packageBlocks.most), version: 0 };
  });
  let kernel = 0;
  return Array.from({ length: count }, (_, release) => {
    const step = usualSteps[release % usualSteps.length] ?? usualSteps[0];
    for (let bumped = 0; release > 0 && bumped < step.packages; bumped++) {
      const bump = packages[own.integer(0, packages.length - 1)];
      if (bump !== undefined) bump.version++;
    }
    if (release > 0 && step.kernel) kernel++;
    return imageOf(Buffer.concat(packages.map(contentOf)), release, randomBytes(9000 + kernel, kernelBytes));
  });
}

/** A new version of a package has a third of its blocks anew. */
function contentOf({ seed, blocks, version }: Package): Buffer {
  const parts = Array.from({ length: blocks }, (_, block) => {
    const changedAt = Array.from({ length: version }, (_, index) => index + 1).findLast(
      (each) => (seed + block + each) % 3 === 0,
    );
    return randomBytes(seed + block * 7919 + (changedAt ?? 0) * 104_729, blockBytes);
  });
  return Buffer.concat(parts);
}

function randomBytes(seed: number, bytes: number): Buffer {
  return createHash("shake256", { outputLength: bytes }).update(String(seed)).digest();
}
