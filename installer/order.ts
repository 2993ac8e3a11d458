/**
 * What an installer is to do. It is written when the installer is published and lies in its signed image, so whoever changes
 * a medium or answers in place of a server changes nothing of it.
 */
import { z } from "zod";

const image = z.strictObject({
  name: z.string(),
  variant: z.string(),
  version: z.string(),
  /** Of the disk image, unpacked. */
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Where the image lies, packed by zstd in frames of its own (`lib/zstd/`). */
const imageSource = z.discriminatedUnion("kind", [
  /** On the medium whose ISO 9660 volume has that name. */
  z.strictObject({ kind: z.literal("medium"), volume: z.string(), file: z.string() }),
  z.strictObject({ kind: z.literal("network"), url: z.string() }),
]);

const userData = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  z.strictObject({ kind: z.literal("text"), text: z.string() }),
  /** `{mac}`, `{uuid}` and `{serial}` in it stand for those of the machine. */
  z.strictObject({ kind: z.literal("url"), url: z.string() }),
  /** `user-data.toml` on the file system that has this label. */
  z.strictObject({ kind: z.literal("label"), label: z.string() }),
]);

export const installOrder = z.strictObject({
  format: z.literal(1),
  image,
  source: imageSource,
  /** As `disk-rule.ts` reads it. */
  disk: z.string(),
  userData,
  /** How long what will be erased stands on the console before it is. */
  countdownSeconds: z.int().nonnegative(),
  /** Also where a disk holds an installation already. */
  replace: z.boolean(),
  afterwards: z.enum(["reboot", "power-off"]),
});

export type InstallOrder = z.infer<typeof installOrder>;
export type ImageSource = InstallOrder["source"];
export type UserDataPlace = InstallOrder["userData"];

/** In the installer's own archive. */
export const orderPath = "/order.json";
