/** What a host tells the fleet about itself, in an annotation of its own Node. */
import { z } from "zod";

/** RFC 3339 in the annotation, a `Date` in the program. */
export const moment = z.iso.datetime().transform((text) => new Date(text));

/** A version that this host could be ordered to take: its repository offers it, and nothing but its wave holds it. */
export const Offer = z.object({
  version: z.string(),
  /** When the host's place in the waves opens; absent where no wave holds it. */
  opensAt: moment.optional(),
  /** When the first wave of the version began; absent where it has no waves. */
  releasedAt: moment.optional(),
});

export const HostReport = z.object({
  /** `/proc/sys/kernel/random/boot_id`. */
  boot: z.string(),
  version: z.string(),
  variant: z.string(),
  arch: z.string(),
  /** This host's place in the waves, 0 to 2047. */
  seed: z.int().min(0).max(2047),
  /** As in GET /updates/status. */
  state: z.enum(["Idle", "Available", "Staged", "Ready"]),
  /** Newest first, at most `mostOffers`. */
  offers: z.array(Offer),
  /** The version on the inactive set, where it was read back and may be activated. */
  staged: z.string().optional(),
  /** The version that `go-back` leads to: the inactive set, where it proved healthy once. */
  fallback: z.string().optional(),
  /** The running version has not proved healthy yet. */
  onTrial: z.boolean(),
  /** Versions that failed here, and why. */
  held: z.array(z.object({ version: z.string(), reason: z.string() })),
  /** The id of the order that this host is about to reboot for. It is noted by compare-and-swap before anything is done. */
  accepted: z.string().optional(),
  /** Why the order is not obeyed, or not yet. */
  refused: z.object({ order: z.string(), reason: z.string() }).optional(),
  /** What this host does for updates now, in words: "downloads 1.2.0, 40 %". */
  activity: z.string().optional(),
  /** The last failure of an update command, in words. */
  failure: z.string().optional(),
});

/** `JSON.stringify` writes them as they are read. */
export type Offer = z.output<typeof Offer>;
export type HostReport = z.output<typeof HostReport>;

/** A Node's annotations have 256 KiB in all; nobody orders the ninth newest version. */
export const mostOffers = 8;
