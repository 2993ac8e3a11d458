/**
 * The ways by which the files of an update can come: whole, compressed, or as patches of what runs here.
 *
 * A host takes the smallest, and the next one when that fails. Which patches fit is told by the root hash of the running
 * set; that a patch leads to what was signed is proved like everything else, by reading back what was written.
 */
import { parts, type Update, type UpdatePart } from "../../../repo/manifest.ts";
import type { Target, TrustedRepository } from "./trusted-repository.ts";

/** A target that becomes a file of the update. */
export type Way = { target: Target; kind: "whole" | "packed" } | { target: Target; kind: "patch"; from: string };

/** By part, the smallest first; the last one is whole. */
export type Ways = Record<UpdatePart, readonly [Way, ...Way[]]>;

/** What is fetched when nothing fails. */
export type DownloadPlan = {
  bytes: number;
  wholeBytes: number;
  /** The version that patches are taken from. */
  from?: string;
};

/**
 * @param whole the files of the update
 * @param runningRootHash undefined where nothing runs that a patch could be made from
 */
export function waysOf(
  update: Pick<Update, "packed" | "patches">,
  whole: Record<UpdatePart, Target>,
  trusted: Pick<TrustedRepository, "target">,
  runningRootHash: string | undefined,
): Ways {
  const patches = (update.patches ?? []).filter(({ root_hash: source }) => source === runningRootHash);
  const ofPart = (part: UpdatePart): [Way, ...Way[]] => {
    const smaller: Way[] = [];
    const add = (name: string | undefined, way: (signed: Target) => Way): void => {
      const signed = name === undefined ? undefined : trusted.target(name);
      if (signed !== undefined && signed.bytes < whole[part].bytes) smaller.push(way(signed));
    };
    for (const { version: from, images } of patches) {
      add(images[part], (signed) => ({ target: signed, kind: "patch", from }));
    }
    if (part === "boot") add(update.packed?.boot, (signed) => ({ target: signed, kind: "packed" }));
    // The hash of a kernel is that of its target, so that a compressed one is the only way to itself.
    const usable = part === "boot" && whole.boot.name.endsWith(".zst") ? [] : smaller;
    const last: Way = { target: whole[part], kind: "whole" };
    const [first = last, ...rest] = usable.toSorted((a, b) => a.target.bytes - b.target.bytes);
    return first === last ? [last] : [first, ...rest, last];
  };
  return { boot: ofPart("boot"), root: ofPart("root"), hash: ofPart("hash") };
}

export function planOf(ways: Ways): DownloadPlan {
  const sum = (bytesOf: (part: UpdatePart) => number): number =>
    parts.reduce((bytes, part) => bytes + bytesOf(part), 0);
  const patch = parts.map((part) => ways[part][0]).find((way) => way.kind === "patch");
  return {
    bytes: sum((part) => ways[part][0].target.bytes),
    wholeBytes: sum((part) => ways[part].at(-1)?.target.bytes ?? 0),
    ...(patch === undefined ? {} : { from: patch.from }),
  };
}
