/** How a roll-out goes, as a word and a tone. */
import type { Tone } from "../../../web/page/parts.tsx";
import type { PolicyPicture } from "../../picture/fleet-picture.ts";

export type PaceState = PolicyPicture["pace"]["state"];

export const paceTones: Record<PaceState, Tone> = {
  halted: "broken",
  invalid: "broken",
  held: "attention",
  going: "good",
  done: "good",
};

export const paceWords: Record<PaceState, string> = {
  halted: "halted",
  invalid: "invalid",
  held: "held",
  going: "going",
  done: "up to date",
};

const worst: readonly PaceState[] = ["halted", "invalid", "held", "going", "done"];

/** Of several policies, the one that needs a person most. */
export function overallPace(policies: readonly PolicyPicture[]): [Tone, string] {
  const state = worst.find((each) => policies.some(({ pace }) => pace.state === each));
  return state === undefined ? ["quiet", "no policy"] : [paceTones[state], paceWords[state]];
}
