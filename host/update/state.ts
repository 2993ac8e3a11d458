/**
 * The states of an update and what may happen in each, as the API shows them. Source: Bottlerocket's
 * sources/api/thar-be-updates.
 *
 * `idle` nothing chosen · `available` one is chosen · `staged` its image is on the inactive set, verified · `ready` the
 * inactive set boots next. Each state carries exactly the data that exists in it.
 */
import { Failure } from "../../lib/failure.ts";

export type UpdateImage = { version: string; variant: string; arch: string };

export type UpdateState =
  | { kind: "idle" }
  | { kind: "available"; chosen: UpdateImage }
  | { kind: "staged"; chosen: UpdateImage | undefined; staged: UpdateImage }
  | { kind: "ready"; chosen: UpdateImage | undefined; staged: UpdateImage };

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
