/** Holds that the table of README.md has each variant once, and names for each what shows what it claims. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { variants } from "../variants/all.ts";

const repository = join(import.meta.dir, "..");
const readme = await readFile(join(repository, "README.md"), "utf8");
const [, section = ""] = readme.split("\n## Variants, and what of each was shown\n");
const rows = (section.split("\n## ")[0]?.match(/^\| `.*\|$/gm) ?? []).map((row) => {
  const [, name = "", architectures = "", ...shown] = row.split("|").map((cell) => cell.trim());
  return { name: name.replaceAll("`", ""), architectures, shown: shown.slice(0, -1) };
});
/** Those on machines before those of the same name. */
const tests = ["test/real/vm/*.test.ts", "cli/**/*.test.ts"].flatMap((pattern) => [
  ...new Bun.Glob(pattern).scanSync(repository),
]);

test("README tells of every variant for which architectures it is, and what was shown of it", () => {
  expect(rows.map(({ name, architectures }) => `${name}: ${architectures}`).toSorted()).toEqual(
    [...variants.values()].map(({ name, architectures }) => `${name}: ${architectures.join(", ")}`).toSorted(),
  );
  for (const { name, shown } of rows) expect([name, shown.filter((cell) => cell !== "").length]).toEqual([name, 3]);
});

/** A cluster of a minor has nodes of it, and `dev` is what tests boot unless they say otherwise. */
function isNamedIn(source: string, name: string): boolean {
  const [, minor] = /^metal-k8s-([\d.]+)$/.exec(name) ?? [];
  return (
    name === "dev" ||
    source.includes(name) ||
    (minor !== undefined && RegExp(`\\bminor(?: =|:) "${minor}"`).test(source))
  );
}

test.each(rows)(
  "what README claims of $name is in a test or a page of that name, and what it lacks has a reason",
  async ({ name, shown }) => {
    for (const cell of shown) {
      const [, reason] = /^no(?:t built)?(: .+)?$/.exec(cell) ?? [cell, cell];
      expect([name, cell, reason === undefined]).toEqual([name, cell, false]);
      for (const [, file = ""] of cell.matchAll(/`([\w.-]+\.test\.ts)`/g)) {
        const path = tests.find((each) => basename(each) === file);
        expect([file, path === undefined]).toEqual([file, false]);
        const source = await readFile(join(repository, path ?? ""), "utf8");
        expect([file, name, isNamedIn(source, name)]).toEqual([file, name, true]);
      }
      for (const [, page = ""] of cell.matchAll(/\b(docs\/[\w-]+\.md)/g)) {
        expect([page, (await readFile(join(repository, page), "utf8")).includes(name)]).toEqual([page, true]);
      }
      for (const [, other = ""] of cell.matchAll(/`((?:dev|aws|metal|vmware)[\w.-]*)`/g)) {
        if (!other.endsWith(".test.ts")) expect(variants.has(other)).toBe(true);
      }
    }
    expect([name, shown[0]?.startsWith("not built: ")]).toEqual([name, variants.get(name)?.lacks !== undefined]);
  },
);
