/** Bodies and answers about ephemeral disks; names are Bottlerocket's. */
import { z } from "zod";

export const filesystems = ["xfs", "ext4"] as const;

/** Bottlerocket's clients send the names that its Rust has for them, people those of the file systems. */
export const filesystem = z.codec(z.enum(["xfs", "ext4", "Xfs", "Ext4"]), z.enum(filesystems), {
  decode: (name) => ({ xfs: "xfs", ext4: "ext4", Xfs: "xfs", Ext4: "ext4" } as const)[name],
  encode: (name) => name,
});

export const ephemeralInit = z.object({
  /** xfs unless given. */
  filesystem: filesystem.optional(),
  /** As they are listed; all of them unless given. */
  disks: z.array(z.string()).optional(),
});

export const ephemeralBind = z.object({
  /** All of the variant's unless some are named. */
  targets: z.array(z.string()).optional(),
});

export const paths = z.array(z.string());
