/**
 * The states of an update and what may happen in each, as the API shows them (reference 6.5).
 *
 * `idle` nothing chosen · `available` one is chosen · `staged` its image is on the inactive set, verified · `ready` the
 * inactive set boots next. Each state carries exactly the data that exists in it.
 */
import { Failure } from "../../lib/failure.ts";

export type Image = { version: string; variant: string; arch: string };

export type UpdateState =
  | { kind: "idle" }
  | { kind: "available"; chosen: Image }
  | { kind: "staged"; chosen: Image | undefined; staged: Image }
  | { kind: "ready"; chosen: Image | undefined; staged: Image };

export type UpdateCommand = "refresh" | "prepare" | "activate" | "deactivate";

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

/** After a refresh. What is written to the inactive set stays what it is; only the choice changes. */
export function refreshed(state: UpdateState, chosen: Image | undefined): UpdateState {
  if (state.kind === "staged" || state.kind === "ready") return { ...state, chosen };
  return chosen === undefined ? { kind: "idle" } : { kind: "available", chosen };
}

/** After `image` was written to the inactive set and verified there. */
export function prepared(state: UpdateState, image: Image): UpdateState {
  return { kind: "staged", chosen: state.kind === "idle" ? undefined : state.chosen, staged: image };
}

export function activated(state: UpdateState): UpdateState {
  return state.kind === "staged" ? { ...state, kind: "ready" } : state;
}

export function deactivated(state: UpdateState): UpdateState {
  return state.kind === "ready" ? { ...state, kind: "staged" } : state;
}

/** The inactive set is about to be overwritten, or turned out not to hold what was staged. */
export function unstaged(state: UpdateState): UpdateState {
  return state.kind === "idle" || state.chosen === undefined
    ? { kind: "idle" }
    : { kind: "available", chosen: state.chosen };
}
