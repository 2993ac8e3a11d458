/** Protects: `apiclient status` tells of each extension what is so, and `plan` what will be done. */
import { expect, test } from "bun:test";
import { checkDocument } from "../../settings/document/check.ts";
import { describeProblem } from "../../settings/model/problem.ts";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { configuredMark } from "../bootstrap/record.ts";
import { extensions, planExtensions } from "../reconcile/extensions.ts";
import { storedPath } from "./places.ts";
import { standingsOf, type ExtensionStanding } from "./standing.ts";

const version = "0.1.0";
const nothing = { bootList: [], merged: undefined, lacking: [], missing: [] };

test("an extension is active, waits for a boot, is on its way, or is to leave", () => {
  const merged = [{ name: "a", state: "active" } as const, { name: "old", state: "active" } as const];
  const world = { bootList: ["a", "old"], merged, lacking: [], missing: ["c"] };
  expect(standingsOf(["a", "b", "c"], world)).toEqual([
    { name: "a", state: "active" },
    { name: "b", state: "waiting" },
    { name: "c", state: "fetching" },
    { name: "old", state: "leaving" },
  ]);
  expect(standingsOf([], nothing)).toEqual([]);
});

test("while the machine boots, nobody is to reboot it for what is on its way, wherever it is", () => {
  const merging: ExtensionStanding[] = [{ name: "a", state: "merging" }];
  // hostd has not said yet what this boot is to have.
  expect(standingsOf(["a"], { ...nothing, bootList: undefined })).toEqual(merging);
  expect(standingsOf(["a"], { ...nothing, bootList: undefined, missing: ["a"] })).toEqual(merging);
  expect(standingsOf(["a"], { ...nothing, bootList: ["a"], missing: ["a"] })).toEqual(merging);
  const chosenSince: ExtensionStanding[] = [...merging, { name: "b", state: "waiting" }];
  expect(standingsOf(["a", "b"], { ...nothing, bootList: ["a"] })).toEqual(chosenSince);
});

test("the reason of a refusal is that of the repository, or of this boot", () => {
  const lacking = [{ name: "a", version, reason: "nobody has it" }];
  const merged = [
    { name: "b", state: "refused", reason: "block 5 differs" } as const,
    { name: "c", state: "absent" } as const,
  ];
  expect(standingsOf(["a", "b", "c"], { bootList: ["b", "c"], merged, lacking, missing: ["a"] })).toEqual([
    { name: "a", state: "refused", reason: "nobody has it" },
    { name: "b", state: "refused", reason: "block 5 differs" },
    // It came since then.
    { name: "c", state: "waiting" },
  ]);
});

test("a preview of settings says what will be fetched and removed, by which unit, and what waits for a boot", async () => {
  await using host = await testSystem();
  await host.write(storedPath(version, "old"), "");
  await host.write(configuredMark, "");
  const settings = settingsOf({ extensions: { tools: { enabled: true } } });
  const unit = { name: "fetch-extensions@0.1.0.service", action: "start" } as const;
  expect(await extensions.preview(host.system, settings, factsOf())).toEqual({
    effects: [
      { description: "fetch the system extension tools", units: [unit] },
      { description: "remove the system extension old", units: [unit] },
    ],
    rebootNeeded: ["the extension tools is in /usr from the next boot on"],
    warnings: [],
  });
});

test("user data that calls an extension as no host can is refused with its place", () => {
  const { problems } = checkDocument("[settings.extensions]\nmy_tools.enabled = true\n", modelNamed("dev"));
  expect(problems.map(describeProblem)).toEqual([
    expect.stringMatching(/my_tools.*1 to 40 small letters, digits and hyphens/),
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
