/** Protects: a container may have any name that the settings take. */
import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "../../lib/command/command-parser.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { hostCtr } from "./host-ctr.ts";

const units = join(import.meta.dir, "../../os/units");

test("the units of a container whose name looks like an option are those of that container", async () => {
  await using host = await testSystem();
  const program = hostCtr(host.system);
  const commands: string[] = [];
  for (const unit of await readdir(units)) {
    if (!/^(?:\w+-container|fetch-companion)@/.test(unit)) continue;
    const text = await readFile(join(units, unit), "utf8");
    for (const [, line = ""] of text.matchAll(/^Exec\w+=\/usr\/bin\/host-ctr (.*)$/gm)) {
      const words = line.replace("%i", "--help").split(" ");
      const parsed = parse(program, words);
      expect({ words, ...parsed }).toMatchObject({ kind: "run" });
      if (parsed.kind !== "run") continue;
      commands.push(parsed.command.name);
      expect(Object.values(parsed.values)).toContain("--help");
    }
  }
  expect(new Set(commands)).toEqual(new Set(["fetch", "run", "start", "stop"]));
});
