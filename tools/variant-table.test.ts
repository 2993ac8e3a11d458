/** Holds that the table of README.md has each variant once, with the architectures that it is built for. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { variants } from "../variants/all.ts";

test("README tells of every variant for which architectures it is, and what was shown of it", async () => {
  const readme = await readFile(join(import.meta.dir, "../README.md"), "utf8");
  const [, section = ""] = readme.split("\n## Variants, and what of each was shown\n");
  const rows = section.split("\n## ")[0]?.match(/^\| `.*\|$/gm) ?? [];
  const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
  expect(cells.map(([, name = "", architectures = ""]) => `${name}: ${architectures}`).toSorted()).toEqual(
    [...variants.values()].map(({ name, architectures }) => `\`${name}\`: ${architectures.join(", ")}`).toSorted(),
  );
  for (const [, name, , ...shown] of cells)
    expect([name, shown.filter((cell) => cell !== "").length]).toEqual([name, 3]);
});
