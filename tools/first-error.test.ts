/** Whoever clears up after an error must not replace it: the first error is what a person can act on. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const repository = join(import.meta.dir, "..");
const files = [...new Bun.Glob("{lib,settings,api,repo,host,image,vm,cli,tools}/**/*.ts").scanSync(repository)].filter(
  (file) => !file.endsWith(".test.ts"),
);

/** Blocks that wait for something which, when it fails, takes the place of the error that is on its way. */
function replacing(source: string): number[] {
  const lines = source.split("\n");
  return lines.flatMap((line, at) => {
    const [, indent = "", caught] = /^(\s*)\} (?:finally|catch \((\w+)\)) \{$/.exec(line) ?? [];
    if (!/\} (finally|catch \(\w+\)) \{$/.test(line)) return [];
    const end = lines.findIndex((each, later) => later > at && each.startsWith(`${indent}}`));
    const block = lines.slice(at + 1, end);
    // What a block at its own level waits for; what stands deeper belongs to a decision about the error.
    const waits = block.some(
      (each) =>
        new RegExp(`^${indent}  (?:for \\(.*\\) |if \\(.*\\) )?await (?!Promise\\.allSettled|this\\.#tolerate)`).test(
          each,
        ) && !each.includes(".catch("),
    );
    const throwsIt = caught === undefined || block.includes(`${indent}  throw ${caught};`);
    return waits && throwsIt ? [at + 1] : [];
  });
}

test("nothing that clears up may replace the error", async () => {
  const found: string[] = [];
  for (const file of files.toSorted()) {
    for (const line of replacing(await readFile(join(repository, file), "utf8"))) found.push(`${file}:${line}`);
  }
  expect(found).toEqual([]);
});

test("such a block is seen", () => {
  expect(replacing("  try {\n  } catch (error) {\n    await drop();\n    throw error;\n  }")).toEqual([2]);
  expect(replacing("  try {\n  } finally {\n    await file.close();\n  }")).toEqual([2]);
  expect(replacing("  try {\n  } catch (error) {\n    throw await afterFailure(error, drop);\n  }")).toEqual([]);
  expect(
    replacing("  try {\n  } catch (error) {\n    if (!isAway(error)) throw error;\n    await again();\n  }"),
  ).toEqual([]);
});
