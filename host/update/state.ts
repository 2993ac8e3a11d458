/**
 * The states of an update and what may happen in each, as the API shows them. Source: Bottlerocket's
 * sources/api/thar-be-updates.
 *
 * `idle` nothing chosen · `available` one is chosen · `staged` its image is on the inactive set, verified · `ready` the
 * inactive set boots next. Each state carries exactly the data that exists in it.
 */
import { Failure } from "../../lib/failure.ts";
import { otherSet } from "./boot/boot-entry.ts";
import type { Standings } from "./boot/signpost.ts";

export type UpdateImage = { version: string; variant: string; arch: string };

export type UpdateState =
  | { kind: "idle" }
  | { kind: "available"; chosen: UpdateImage }
  | { kind: "staged"; chosen: UpdateImage | undefined; staged: UpdateImage }
  | { kind: "ready"; chosen: UpdateImage | undefined; staged: UpdateImage };

export type UpdateCommand = "refresh" | "prepare" | "activate" | "deactivate";

/** The state that the disk tells, with what was chosen. */
export function updateState(
  standings: Standings | undefined,
  chosen: UpdateImage | undefined,
  machines: Omit<UpdateImage, "version">,
): UpdateState {
  const entry = standings?.entries[otherSet(standings.active)];
  if (entry !== undefined) {
    const staged = { ...machines, version: entry.version };
    if (entry.standing.kind === "staged") return { kind: "staged", chosen, staged };
    // Tried before means that it ran and did not prove healthy: nothing is ready then.
    const fresh = entry.standing.kind === "trying" && entry.standing.left > 0 && entry.standing.done === 0;
    if (fresh && standings?.next === entry.set) return { kind: "ready", chosen, staged };
  }
  return chosen === undefined ? { kind: "idle" } : { kind: "available", chosen };
}

/** Elsewhere the API answers 409. The same table as Bottlerocket's thar-be-updates. */
export const allowedIn = {
  refresh: ["idle", "available", "staged", "ready"],
  prepare: ["available", "staged"],
  activate: ["staged"],
  deactivate: ["ready"],
} as const satisfies Record<UpdateCommand, readonly UpdateState["kind"][]>;

/** @throws {Failure<"update-not-allowed">} */
export function assertAllowed(command: UpdateCommand, state: UpdateState): void {
  const states: readonly UpdateState["kind"][] = allowedIn[command];
  if (states.includes(state.kind)) return;
  throw new Failure("update-not-allowed", `cannot ${command} an update: the update state is ${state.kind}`, {
    hint: `it is possible when the state is ${states.join(" or ")}`,
  });
}
