/**
 * Which images of the host's containers go: those that nobody names any more, a week later, or at once when the disk
 * gets full. The week is for whoever takes a change back while the registry is away.
 *
 * What goes is the name of an image; with the last one containerd collects what no name and no container holds.
 */
import { Failure } from "../../lib/failure.ts";
import type { Log } from "../machine/system.ts";
import type { Containerd } from "./containerd/containerd.ts";

export type KnownImage = {
  name: string;
  digest: string;
  /** When a container was last started from it. */ usedAt: Date;
};

/** On every image: when a container was last started from it. */
export const usedLabel = "orlop/used";
/** On every container: the digest of its image. */
export const imageLabel = "orlop/image";

const keptMs = 7 * 24 * 60 * 60_000;
/** Of the file system that images are on. */
const fullShare = 0.85;

/**
 * The images to remove, those unused for longest first.
 *
 * @param named what settings ask for, and the digests that containers were started from
 * @param usedShare of the disk, from 0 to 1
 */
export function planGarbage(
  images: readonly KnownImage[],
  named: ReadonlySet<string>,
  { now, usedShare }: { now: Date; usedShare: number },
): KnownImage[] {
  const isFull = usedShare > fullShare;
  return images
    .filter(({ name, digest }) => !named.has(name) && !named.has(digest))
    .filter(({ usedAt }) => isFull || now.getTime() - usedAt.getTime() > keptMs)
    .toSorted((a, b) => a.usedAt.getTime() - b.usedAt.getTime());
}

/**
 * Removes what `planGarbage` says.
 *
 * @param wanted names of images, as settings have them
 */
export async function collectGarbage(
  { containerd, log }: { containerd: Containerd; log: Log },
  wanted: readonly string[],
  at: { now: Date; usedShare: number },
): Promise<KnownImage[]> {
  const { images } = await containerd.images.list({});
  const { containers } = await containerd.containers.list({});
  const named = new Set([...wanted, ...containers.flatMap(({ labels }) => labels[imageLabel] ?? [])]);
  const known = images.map(({ name, labels, target }) => {
    return { name, digest: target?.digest ?? "", usedAt: dateIn(labels[usedLabel]) };
  });
  const garbage = planGarbage(known, named, at);
  for (const [index, { name, usedAt }] of garbage.entries()) {
    await containerd.images.delete({ name, sync: index === garbage.length - 1 });
    log.info(`image: removed ${name}: no setting names it, last used ${usedAt.toISOString()}`);
  }
  return garbage;
}

/** An image without the label is one that somebody else brought: it was never used. */
function dateIn(label: string | undefined): Date {
  if (label === undefined) return new Date(0);
  const date = new Date(label);
  if (!Number.isNaN(date.getTime())) return date;
  throw new Failure("bad-label", `cannot read when an image was used: ${JSON.stringify(label)} is no time`);
}
