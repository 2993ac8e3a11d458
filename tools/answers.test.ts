/** What comes from a server has its limit before it is read: whole bodies are read by `lib/files/http-body.ts` alone. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const repository = join(import.meta.dir, "..");
/** Answers are called so throughout; what programs print and files hold has limits of its own. */
const whole =
  /\b(?:response|answer|answered)\s*\.(?:text|bytes|json|arrayBuffer|blob)\(\)|\(await fetch\([^)]*\)\)\.\w+\(\)/;

test("no answer is read whole without a limit", async () => {
  const files = [...new Bun.Glob("{lib,api,repo,host,image,vm,cli}/**/*.ts").scanSync(repository)];
  const found: string[] = [];
  for (const file of files.filter((name) => !name.endsWith(".test.ts"))) {
    const lines = (await readFile(join(repository, file), "utf8")).split("\n");
    found.push(...lines.flatMap((line, at) => (whole.test(line) ? [`${file}:${at + 1}`] : [])));
  }
  expect(files.length).toBeGreaterThan(300);
  expect(found).toEqual([]);
});

test("the ways to read one whole are seen", () => {
  for (const line of ["await response.text()", "parse(await answer.json())", "(await fetch(url)).bytes()"]) {
    expect(line).toMatch(whole);
  }
  expect("await child.stdout.text()").not.toMatch(whole);
});
