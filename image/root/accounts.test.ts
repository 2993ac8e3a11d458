import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { driftingNames } from "./accounts.ts";
import { osDirectory } from "./os-content.ts";

const declarations = `
g adm    4  -
u! web   33 "Web" /srv
u  pair  5:60 -
g  floats - -
u  drifts - "Somebody"
`;

test("an account counts as fixed when a declaration gives its number", () => {
  expect(driftingNames("web:x:33:33::/:\npair:x:5:60::/:\n", declarations, "u")).toEqual([]);
  expect(driftingNames("adm:x:4:\nweb:x:33:\n", declarations, "g")).toEqual([]);
});

test("an account whose number was given out at build time would move with the next package, and is told", () => {
  expect(driftingNames("web:x:33:33::/:\ndrifts:x:999:999::/:\n", declarations, "u")).toEqual(["drifts"]);
  expect(driftingNames("floats:x:998:\nadm:x:4:\n", declarations, "g")).toEqual(["floats"]);
});

test("no two of our own accounts share a number", async () => {
  const text = await readFile(join(osDirectory, "sysusers/00-orlop.conf"), "utf8");
  const numbers = text.split("\n").flatMap((line) => /^[ug]!?\s+\S+\s+(\d+)/.exec(line)?.[1] ?? []);
  expect(numbers.length).toBeGreaterThan(8);
  expect(new Set(numbers).size).toBe(numbers.length);
});
