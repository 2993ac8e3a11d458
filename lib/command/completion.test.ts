import { expect, test } from "bun:test";
import { invoke } from "./command-line.ts";
import { boat } from "../../test/cases/boat.ts";
import { complete } from "./completion.ts";

const offered = async (...words: string[]): Promise<string[] | string> => {
  const candidates = await complete(boat, words);
  return candidates === "files" ? candidates : candidates.map(({ value }) => value);
};

test("offers commands, groups and the words below them", async () => {
  expect(await complete(boat, ["s"])).toEqual([
    { value: "sail", help: "Sails" },
    { value: "shore", help: "Talk to the shore" },
  ]);
  expect(await offered("sail", "")).toEqual(["set"]);
  expect(await offered("--harbour", "home", "sa")).toEqual(["sail"]);
});

test("offers options of the command and of the program", async () => {
  expect(await offered("sail", "set", "--")).toEqual(["--harbour", "--file", "--json", "--help"]);
});

test("offers the values of an option, in both spellings", async () => {
  expect(await offered("--harbour", "h")).toEqual(["home"]);
  expect(await offered("--harbour=a")).toEqual(["--harbour=away"]);
  expect(await offered("sail", "set", "--file", "x")).toBe("files");
});

test("offers the values of the argument that is next", async () => {
  expect(await offered("sail", "set", "")).toEqual(["main", "jib"]);
  expect(await offered("sail", "set", "main", "settings.n")).toEqual(["settings.ntp.time-servers="]);
  expect(await offered("sail", "set", "--file", "x", "main", "settings.motd=1", "settings.m")).toEqual([
    "settings.motd=",
  ]);
});

test("asks a pass-through command about its own words", async () => {
  expect(await offered("shore", "a", "--b", "c")).toEqual(["a+--b+c"]);
});

test("the hidden command that scripts call prints a candidate a line", async () => {
  expect((await invoke(boat, ["__complete", "sail", "set", "main", ""])).stdout).toBe(
    "settings.motd=\ta key\nsettings.ntp.time-servers=\ta key\n",
  );
});
