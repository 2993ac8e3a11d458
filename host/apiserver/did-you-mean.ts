/** The hint of a refusal that is about a name which does not exist. */
import { nearest } from "../../lib/text/nearest.ts";

/** Options for a `Failure`; without a hint when no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): { hint?: string } {
  const meant = nearest(name, candidates);
  return meant === undefined ? {} : { hint: `did you mean ${meant}?` };
}
