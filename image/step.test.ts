import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defined } from "../lib/defined.ts";
import { isPresent, namesIn } from "../lib/files/files.ts";
import { sourceHash } from "./source-hash.ts";
import { type Input, InputFile, type Inputs, KeyedDirectory } from "./inputs.ts";
import { step } from "./step.ts";

let folder: string;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "orlop-step-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const greeting = step({
  name: ({ name = "greeting" }) => name,
  label: () => "greeting",
  module: import.meta.path,
  inputs: ({ words }: { words: string; name?: string }) => ({ words }),
  async make(directory, { words }) {
    made++;
    await writeFile(join(directory, "words"), words);
  },
});

async function greet(words: string, name?: string): Promise<KeyedDirectory> {
  return await greeting({ words, ...defined({ name }) }, { cache: folder });
}

test("a step with inputs seen before is not made again", async () => {
  const before = made;
  const first = await greet("hello");
  const second = await greet("hello");
  expect(second).toEqual(first);
  expect(made - before).toBe(1);
  expect(await readFile(join(second.directory, "words"), "utf8")).toBe("hello");
});

test("another input gives another result", async () => {
  const hello = await greet("hello");
  const goodbye = await greet("goodbye");
  expect(hello.key).not.toBe(goodbye.key);
  expect(await readFile(join(goodbye.directory, "words"), "utf8")).toBe("goodbye");
});

test("every input that a step sees is in its key", async () => {
  const seen: Inputs[] = [];
  const anything = step({
    name: () => "anything",
    label: () => "anything",
    module: import.meta.path,
    inputs: (subject: Inputs) => subject,
    async make(_directory, inputs) {
      seen.push(inputs);
    },
  });
  const file = (path: string, sha256: string): InputFile => new InputFile(path, sha256);
  const first: Record<string, Input> = {
    text: "a",
    count: 1,
    flag: false,
    absent: undefined,
    list: ["a", "b"],
    record: { deep: { deeper: ["a", 1] } },
    file: file("/a", "1"),
    step: new KeyedDirectory("/a", "1"),
    files: [{ place: "a", file: file("/a", "1") }],
  };
  const changes: Record<keyof typeof first, Input[]> = {
    text: ["b", "", 1, undefined],
    count: [2, "1"],
    flag: [true],
    absent: ["", false],
    list: [["b", "a"], ["a"], ["a,b"], []],
    record: [{ deep: { deeper: ["a", 2] } }, { deep: {} }],
    file: [file("/a", "2"), undefined],
    step: [new KeyedDirectory("/a", "2")],
    files: [[{ place: "b", file: file("/a", "1") }], [{ place: "a", file: file("/a", "2") }]],
  };
  expect(Object.keys(changes)).toEqual(Object.keys(first));
  const variations = Object.entries(changes).flatMap(([name, values]) =>
    values.map((value) => ({ ...first, [name]: value })),
  );
  const keys: string[] = [];
  for (const inputs of [first, ...variations]) keys.push((await anything(inputs, { cache: folder })).key);
  expect(new Set(keys).size).toBe(1 + variations.length);
  // And nothing else reaches it.
  expect(seen).toEqual([first, ...variations]);
});

test("where an input lies, and in which order inputs are written down, is not in the key", async () => {
  const reading = step({
    name: () => "reading",
    label: () => "reading",
    module: import.meta.path,
    inputs: (subject: Inputs) => subject,
    make: async () => {},
  });
  const here = { file: new InputFile("/here", "1"), step: new KeyedDirectory("/here", "2") };
  const there = { step: new KeyedDirectory("/there", "2"), file: new InputFile("/there", "1") };
  expect((await reading(here, { cache: folder })).key).toBe((await reading(there, { cache: folder })).key);
});

test("a step cannot name what it has not declared, nor declare what has no text", () => {
  const common = { name: () => "x", label: () => "x", module: import.meta.path };
  step({
    ...common,
    inputs: ({ version }: { version: string; commit: string }) => ({ version }),
    // @ts-expect-error: the commit is known and is no input
    make: async (_directory, { version, commit }) => void [version, commit],
  });
  // @ts-expect-error: a signal has no text that stands for it
  step({ ...common, inputs: ({ signal }: { signal: AbortSignal }) => ({ signal }), make: async () => {} });
  // @ts-expect-error: nor has a function
  step({ ...common, inputs: ({ read }: { read: () => string }) => ({ read }), make: async () => {} });
});

test("a step that fails leaves nothing and is made again", async () => {
  let broken = true;
  const failing = step({
    name: () => "failing",
    label: () => "failing",
    module: import.meta.path,
    inputs: () => ({}),
    make: async () => {
      if (broken) throw new Error("disk full");
    },
  });
  await expect(failing({}, { cache: folder })).rejects.toThrow("disk full");
  expect(await namesIn(join(folder, "work"))).toEqual([]);
  expect((await namesIn(join(folder, "steps"))).filter((entry) => entry.includes("failing"))).toEqual([]);
  broken = false;
  await failing({}, { cache: folder });
});

test("what a step makes has the modes of an image, whoever builds", async () => {
  const before = process.umask(0o077);
  try {
    const { directory } = await greet("modes", "modes");
    expect((await stat(join(directory, "words"))).mode & 0o777).toBe(0o644);
  } finally {
    process.umask(before);
  }
});

test("what a killed build left half made is removed by the next one, and what one that runs makes is not", async () => {
  const source = `
    import { step } from ${JSON.stringify(join(import.meta.dir, "step.ts"))};
    import { mkdir } from "node:fs/promises";
    const endless = step({
      name: () => "endless", label: () => "endless", module: ${JSON.stringify(import.meta.path)}, inputs: () => ({}),
      make: async (directory) => {
        await mkdir(directory + "/tree/usr", { recursive: true });
        console.log(directory);
        await Bun.sleep(600_000);
      },
    });
    await endless({}, { cache: ${JSON.stringify(folder)} });
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
    await greet("the next one");
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
    await greet(words, "many");
    await Bun.sleep(5);
  }
  const kept = (await readdir(join(folder, "steps"))).filter((entry) => entry.startsWith("many-"));
  const words = await Promise.all(kept.map((entry) => readFile(join(folder, "steps", entry, "words"), "utf8")));
  expect(words.toSorted()).toEqual(["c", "d", "e"]);
});

test("a result is not forgotten for the time that what is unpacked into it has", async () => {
  const unpacked = step({
    name: () => "unpacked",
    label: () => "unpacked",
    module: import.meta.path,
    inputs: ({ words }: { words: string }) => ({ words }),
    async make(directory) {
      await utimes(directory, new Date(0), new Date(0));
    },
  });
  for (const words of ["1", "2", "3", "4"]) {
    const { directory } = await unpacked({ words }, { cache: folder });
    expect(await isPresent(directory)).toBe(true);
  }
});

test("the hash of a module changes with any module it imports", async () => {
  await writeFile(join(folder, "outer.ts"), `import { inner } from "./inner.ts";\nconsole.log(inner);\n`);
  await writeFile(join(folder, "inner.ts"), "export const inner = 1;\n");
  const before = await sourceHash(join(folder, "outer.ts"));
  await writeFile(join(folder, "inner.ts"), "export const inner = 2;\n");
  expect(await sourceHash(join(folder, "outer.ts"))).not.toBe(before);
});
