/** Protects: `apiclient status` tells of each extension what is so, and `plan` what will be done. */
import { expect, test } from "bun:test";
import { planExtensions } from "../reconcile/extensions.ts";
import { standingsOf } from "./standing.ts";

const version = "0.1.0";
const nothing = { booted: true, merged: undefined, lacking: [], missing: [] };

test("an extension is active, waits for a boot, is on its way, or is to leave", () => {
  const world = { booted: true, merged: [{ name: "a" }, { name: "old" }], lacking: [], missing: ["c"] };
  expect(standingsOf(["a", "b", "c"], world)).toEqual([
    { name: "a", state: "active" },
    { name: "b", state: "waiting" },
    { name: "c", state: "fetching" },
    { name: "old", state: "leaving" },
  ]);
  expect(standingsOf([], nothing)).toEqual([]);
  // While the machine boots, nobody is to reboot it for that.
  expect(standingsOf(["a"], { ...nothing, booted: false })).toEqual([{ name: "a", state: "merging" }]);
});

test("the reason of a refusal is that of the repository, or of this boot", () => {
  const lacking = [{ name: "a", version, reason: "nobody has it" }];
  const merged = [
    { name: "b", reason: "block 5 differs" },
    { name: "c", reason: `it is not here for ${version}` },
  ];
  expect(standingsOf(["a", "b", "c"], { booted: true, merged, lacking, missing: ["a"] })).toEqual([
    { name: "a", state: "refused", reason: "nobody has it" },
    { name: "b", state: "refused", reason: "block 5 differs" },
    // It came since then.
    { name: "c", state: "waiting" },
  ]);
});

test("what is missing is fetched, what nobody chooses is removed, and then nothing is left to do", () => {
  const plan = (chosen: string[], missing: string[], stored: string[]) =>
    planExtensions({ chosen, version }, { missing, stored });
  expect(plan(["a", "b"], ["b"], ["a", "old"])).toEqual([
    { kind: "fetch", names: ["b"], version },
    { kind: "remove", names: ["old"], version },
  ]);
  expect(plan(["a", "b"], [], ["a", "b"])).toEqual([]);
});
