/** What the page of a fleet is sent: first all, then what is another. */
import type { RecordedEvent } from "../../kubernetes/events.ts";
import type { NodePicture, PolicyPicture } from "../picture/fleet-picture.ts";
import type { PartSummary } from "../picture/update-parts.ts";

/** Who looks, and whether the page may stop the fleet; `hindrance` says why not. */
export type FleetViewer = { name: string; hindrance?: string };

/** A node whose sentence is that of its like is sent without it. */
export type SentNode = Omit<NodePicture, "sentence"> & { sentence?: string };

/** Each member that is absent is as it was. */
export type FleetUpdate = {
  source?: { title: string; rate: number };
  viewer?: FleetViewer;
  /** RFC 3339: the time that the fleet lives in. */
  at?: string;
  /** Why the fleet cannot be seen; null when it can. */
  unreached?: string | null;
  /** Why what is here may be old, or not all there is; null when there is no doubt. */
  doubt?: string | null;
  policies?: PolicyPicture[];
  /** By `likeness`: the sentence of those that are sent without. Whole. */
  common?: Record<string, string>;
  nodes?: { put: SentNode[]; gone: string[] };
  /** Those that are new, the newest last. */
  events?: RecordedEvent[];
  parts?: PartSummary[];
};

/** What those have in common whose sentences are mostly the same: thousands wait for one place in the budget. */
export const likeness = ({ policy, cause, target, version }: Omit<SentNode, "sentence">): string =>
  [policy, cause, target ?? version ?? ""].join(" ");

/** As the page sends it to stop a fleet. */
export type StopRequest = { policy: string; reason: string };
