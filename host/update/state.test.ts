import { expect, test } from "bun:test";
import { isFailure } from "../../lib/failure.ts";
import {
  activated, allowedIn, assertAllowed, deactivated, prepared, refreshed, unstaged, type UpdateCommand, type UpdateState,
} from "./state.ts"; // prettier-ignore

const a = { version: "1.1.0", variant: "dev", arch: "x86_64" };
const b = { ...a, version: "1.2.0" };
const states: UpdateState[] = [
  { kind: "idle" },
  { kind: "available", chosen: a },
  { kind: "staged", chosen: a, staged: a },
  { kind: "ready", chosen: a, staged: a },
];

test("every command is allowed in exactly the states of the table, and refused with the state in all others", () => {
  for (const command of Object.keys(allowedIn) as UpdateCommand[]) {
    for (const state of states) {
      const allowed = (allowedIn[command] as readonly string[]).includes(state.kind);
      let refused: unknown;
      try {
        assertAllowed(command, state);
      } catch (error) {
        refused = error;
      }
      expect(isFailure(refused, "update-not-allowed")).toBe(!allowed);
      if (!allowed) expect(String(refused)).toContain(state.kind);
    }
  }
});

test("a refresh never forgets what was written to the inactive set", () => {
  const kinds = (chosen: typeof a | undefined): string[] => states.map((state) => refreshed(state, chosen).kind);
  expect(kinds(undefined)).toEqual(["idle", "idle", "staged", "ready"]);
  expect(kinds(b)).toEqual(["available", "available", "staged", "ready"]);
  expect(refreshed({ kind: "ready", chosen: a, staged: a }, b)).toEqual({ kind: "ready", chosen: b, staged: a });
});

test("the usual way leads from idle to ready and back", () => {
  let state = refreshed({ kind: "idle" }, a);
  state = prepared(state, a);
  expect(state).toEqual({ kind: "staged", chosen: a, staged: a });
  state = activated(state);
  expect(state.kind).toBe("ready");
  state = deactivated(state);
  expect(state.kind).toBe("staged");
  expect(unstaged(state)).toEqual({ kind: "available", chosen: a });
});
