/** What an image has beyond the packages of the lock: files, and Debian packages that somebody made. */
import type { Variant } from "../../variants/variant.ts";
import type { InputFile } from "../inputs.ts";
import type { LockedPackage } from "../packages/lock.ts";

export type Additions = {
  /** The variant that they are added to, which the lock knows. */
  base: Variant;
  /** Of Debian, from a lock beside the variant's file. */
  packages: readonly LockedPackage[];
  debs: readonly AddedDeb[];
  files: readonly AddedFile[];
};

export type AddedDeb = { name: string; version: string; file: InputFile };
export type AddedFile = { path: string; source: InputFile; mode: number };
