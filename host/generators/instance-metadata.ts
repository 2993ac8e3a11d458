/** The metadata service of EC2, for generators. */
import { Imds } from "../machine/imds.ts";
import type { System } from "../machine/system.ts";

/** The boot waits for generators. */
const reachableMs = 10_000;

/** @throws {Failure<"imds-unreachable">} when it did not answer in time */
export async function reachedImds(system: System, signal: AbortSignal): Promise<Imds> {
  const imds = new Imds(system);
  await imds.reachable(reachableMs, signal);
  return imds;
}
