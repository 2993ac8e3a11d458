/** Where the page of a fleet has its fleet from: a cluster, the operator itself, hosts outside of clusters, a simulation. */
import type { RecordedEvent } from "../../kubernetes/events.ts";
import type { FleetPicture } from "../picture/fleet-picture.ts";
import type { NodeDetails } from "../picture/node-details.ts";

export type FleetReading = {
  /** The time that the fleet lives in. */
  now: Date;
  picture: FleetPicture;
  /** What the operator did, the newest last. */
  events: readonly RecordedEvent[];
  /** Why what is here may be old, or not all there is. */
  doubt?: string;
};

/** A look that lasts: it is true to the fleet until its signal aborts. */
export type FleetLook = {
  /** @throws whatever keeps it from knowing how the fleet stands */
  read(signal: AbortSignal): Promise<FleetReading>;
  details(name: string): NodeDetails | undefined;
};

export type FleetSource = {
  /** Which fleet it is, for people: "https://10.0.0.1:6443". */
  title: string;
  /** So many seconds of the fleet's time pass in one; 1 outside of simulations. */
  rate: number;
  /** Begins to look. Nothing is asked while nobody does. */
  look(signal: AbortSignal): FleetLook;
  /** Absent where nothing can be stopped. @param by who stops it, for the record */
  stop?: (policy: string, reason: string, by: string | undefined, signal: AbortSignal) => Promise<void>;
};
