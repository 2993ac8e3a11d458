/** Protects: the stack is one that CloudFormation takes, and gives the updater the rights that it needs and no more. */
import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../lib/program/process.ts";
import { stackTemplate, updaterRights } from "../../../test/worlds/ecs/updater-rights.ts";
import { pythonPackages } from "../../../test/worlds/python/python-packages.ts";

const program = "import sys; from cfnlint.runner import main; sys.exit(main())";

test("cfn-lint finds nothing wrong with the template", async () => {
  const packages = await pythonPackages(join(import.meta.dir, "../../../test/worlds/ecs/cfn-lint.txt"));
  await run(await packages.python(["-c", program, "--regions", "eu-west-1", "--", stackTemplate], [import.meta.dir]));
}, 180_000);

test("the updater may do what its code asks of AWS, and nothing else", async () => {
  const directory = join(import.meta.dir, "..");
  const sources = (await readdir(directory)).filter((name) => name.endsWith(".ts") && !name.includes(".test."));
  const asked = new Set<string>();
  for (const name of sources) {
    const source = await readFile(join(directory, name), "utf8");
    for (const [, names = "", service = ""] of source.matchAll(/import \{([^}]+)\} from "@aws-sdk\/client-(\w+)"/g)) {
      for (const [, call] of names.matchAll(/\b(\w+)Command\b/g)) asked.add(`${service}:${call}`);
      for (const [, call] of names.matchAll(/\bpaginate(\w+)\b/g)) asked.add(`${service}:${call}`);
    }
  }
  expect(await updaterRights()).toEqual([...asked].toSorted());
  expect(asked.size).toBeGreaterThan(10);
});
