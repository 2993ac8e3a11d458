import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPresent, namesIn } from "../lib/files/files.ts";
import { sourceHash } from "./source-hash.ts";
import { runStep, type Step } from "./step.ts";

let folder: string;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "orlop-step-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function greeting(words: string, name = "greeting"): Step {
  return {
    name,
    says: "greeting",
    module: import.meta.path,
    inputs: { words },
    make: async (directory) => {
      made++;
      await writeFile(join(directory, "words"), words);
    },
  };
}

test("a step with inputs seen before is not made again", async () => {
  const before = made;
  const first = await runStep(folder, greeting("hello"));
  const second = await runStep(folder, greeting("hello"));
  expect(second).toEqual(first);
  expect(made - before).toBe(1);
  expect(await readFile(join(second.directory, "words"), "utf8")).toBe("hello");
});

test("another input gives another result", async () => {
  const one = await runStep(folder, greeting("one"));
  const other = await runStep(folder, greeting("other"));
  expect(one.key).not.toBe(other.key);
  expect(await readFile(join(other.directory, "words"), "utf8")).toBe("other");
});

test("a step that fails leaves nothing and is made again", async () => {
  const failing = { ...greeting("never", "failing"), make: () => Promise.reject(new Error("disk full")) };
  await expect(runStep(folder, failing)).rejects.toThrow("disk full");
  expect(await namesIn(join(folder, "work"))).toEqual([]);
  expect((await namesIn(join(folder, "steps"))).filter((entry) => entry.includes("failing"))).toEqual([]);
  await runStep(folder, greeting("never", "failing"));
});

test("what a killed build left half made is removed by the next one, and what one that runs makes is not", async () => {
  const source = `
    import { runStep } from ${JSON.stringify(join(import.meta.dir, "step.ts"))};
    import { mkdir } from "node:fs/promises";
    await runStep(${JSON.stringify(folder)}, {
      name: "endless", says: "endless", module: ${JSON.stringify(import.meta.path)}, inputs: {},
      make: async (directory) => {
        await mkdir(directory + "/tree/usr", { recursive: true });
        console.log(directory);
        await Bun.sleep(600_000);
      },
    });
  `;
  const builds = await Promise.all(
    [0, 1].map(async () => {
      const build = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe", stderr: "ignore" });
      const { value } = await build.stdout.getReader().read();
      return {
        build,
        directory: Buffer.from(value ?? [])
          .toString()
          .trim(),
      };
    }),
  );
  const [killed, running] = builds;
  if (killed === undefined || running === undefined) throw new Error("two builds");
  try {
    killed.build.kill("SIGKILL");
    await killed.build.exited;
    await runStep(folder, greeting("the next one"));
    expect(await isPresent(join(killed.directory, "tree/usr"))).toBe(false);
    expect(await isPresent(join(running.directory, "tree/usr"))).toBe(true);
  } finally {
    for (const { build } of builds) {
      build.kill("SIGKILL");
      await build.exited;
    }
  }
});

test("only the newest results of a step are kept", async () => {
  for (const words of ["a", "b", "c", "d", "e"]) {
    await runStep(folder, greeting(words, "many"));
    await Bun.sleep(5);
  }
  const kept = (await readdir(join(folder, "steps"))).filter((entry) => entry.startsWith("many-"));
  const words = await Promise.all(kept.map((entry) => readFile(join(folder, "steps", entry, "words"), "utf8")));
  expect(words.toSorted()).toEqual(["c", "d", "e"]);
});

test("the hash of a module changes with any module it imports", async () => {
  await writeFile(join(folder, "outer.ts"), `import { inner } from "./inner.ts";\nconsole.log(inner);\n`);
  await writeFile(join(folder, "inner.ts"), "export const inner = 1;\n");
  const before = await sourceHash(join(folder, "outer.ts"));
  await writeFile(join(folder, "inner.ts"), "export const inner = 2;\n");
  expect(await sourceHash(join(folder, "outer.ts"))).not.toBe(before);
});
