/** Bodies and answers about ephemeral disks; names are Bottlerocket's. */
import { z } from "zod";

export const filesystems = ["xfs", "ext4"] as const;

export const ephemeralInit = z.object({
  /** xfs unless given. */
  filesystem: z.enum(filesystems).optional(),
  /** As they are listed; all of them unless given. */
  disks: z.array(z.string()).optional(),
});

export const ephemeralBind = z.object({ targets: z.array(z.string()) });

export const paths = z.array(z.string());
