/** Protects: what the API allows follows from what is on the disk, for everything that can be there. */
import { expect, test } from "bun:test";
import { isFailure } from "../../lib/failure.ts";
import { loaderEntries } from "../../test/simulator/media/loader.ts";
import { arrangements, storageWith } from "../../test/worlds/update/boot-arrangements.ts";
import { kernelPath, otherSet } from "./boot/boot-entry.ts";
import { Signpost } from "./boot/signpost.ts";
import {
  allowedIn,
  assertAllowed,
  type UpdateImage,
  type UpdateCommand,
  type UpdateState,
  updateState,
} from "./state.ts";

const machines = { variant: "dev", arch: "x86_64" };
const image: UpdateImage = { ...machines, version: "1.1.0" };
const states: UpdateState[] = [
  { kind: "idle" },
  { kind: "available", chosen: image },
  ...[image, undefined].flatMap((chosen): UpdateState[] => [
    { kind: "staged", chosen, staged: image },
    { kind: "ready", chosen, staged: image },
  ]),
];

/** Bottlerocket's sources/api/thar-be-updates, written down a second time. */
const table: Record<UpdateState["kind"], UpdateCommand[]> = {
  idle: ["refresh"],
  available: ["refresh", "prepare"],
  staged: ["refresh", "prepare", "activate"],
  ready: ["refresh", "deactivate"],
};

test("every command is allowed in exactly the states of the reference, and refused with the state in all others", () => {
  const commands: UpdateCommand[] = ["refresh", "prepare", "activate", "deactivate"];
  expect(Object.keys(allowedIn)).toEqual(commands);
  for (const command of commands) {
    for (const state of states) {
      const isAllowed = table[state.kind].includes(command);
      let refused: unknown;
      try {
        assertAllowed(command, state);
      } catch (error) {
        refused = error;
      }
      expect(isFailure(refused, "update-not-allowed")).toBe(!isAllowed);
      if (!isAllowed) expect(String(refused)).toContain(state.kind);
    }
  }
});

test("every arrangement of entries gives one state, which never claims more than the loader will do", async () => {
  let seen = 0;
  for (const arrangement of arrangements()) {
    const { active } = arrangement;
    const storage = storageWith(arrangement);
    const standings = await new Signpost(storage, "/efi", active).read();
    const [first] = loaderEntries(storage, "/efi");
    const inactive = arrangement.entries[otherSet(active)];
    for (const chosen of [undefined, image]) {
      const state = updateState(standings, chosen, machines);
      const startsInactive = first?.kernel === kernelPath(otherSet(active));
      const isFresh =
        inactive?.standing.kind === "trying" && inactive.standing.left > 0 && inactive.standing.done === 0;
      const expected =
        inactive?.standing.kind === "staged"
          ? "staged"
          : startsInactive && isFresh
            ? "ready"
            : chosen === undefined
              ? "idle"
              : "available";
      expect({ arrangement, kind: state.kind }).toEqual({ arrangement, kind: expected });
      if (state.kind === "staged" || state.kind === "ready") expect(state.staged.version).toBe(inactive?.version ?? "");
      if ("chosen" in state) expect(state.chosen).toEqual(chosen);
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(1000);
});

test("on a host without sets the state is what was chosen", () => {
  expect(updateState(undefined, undefined, machines)).toEqual({ kind: "idle" });
  expect(updateState(undefined, image, machines)).toEqual({ kind: "available", chosen: image });
});
