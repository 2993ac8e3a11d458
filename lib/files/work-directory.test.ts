import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPresent, namesIn } from "./files.ts";
import { workDirectory } from "./work-directory.ts";

async function inParent(body: (parent: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "orlop-work-"));
  try {
    await body(join(directory, "work"));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A process that makes one, fills it and goes on, until it is killed. */
async function startMaker(parent: string): Promise<{ path: string; kill: () => Promise<void> }> {
  const source = `
    import { workDirectory } from ${JSON.stringify(join(import.meta.dir, "work-directory.ts"))};
    import { mkdir } from "node:fs/promises";
    const work = (globalThis.held = await workDirectory(${JSON.stringify(parent)}));
    await mkdir(work.path + "/tree/usr", { recursive: true });
    console.log(work.path);
    setInterval(() => undefined, 1000);
  `;
  const maker = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
  let path = "";
  for await (const chunk of maker.stdout) {
    path += Buffer.from(chunk).toString();
    if (path.includes("\n")) break;
  }
  const kill = async (): Promise<void> => {
    maker.kill("SIGKILL");
    await maker.exited;
  };
  return { path: path.trim(), kill };
}

test("what a killed process left is removed by the next, and what one that runs has is not", async () => {
  await inParent(async (parent) => {
    const [killed, running] = [await startMaker(parent), await startMaker(parent)];
    await killed.kill();
    expect(await isPresent(join(killed.path, "tree/usr"))).toBe(true);
    {
      await using work = await workDirectory(parent);
      expect(await isPresent(killed.path)).toBe(false);
      expect(await isPresent(join(running.path, "tree/usr"))).toBe(true);
      expect(await namesIn(work.path)).toEqual([]);
    }
    await running.kill();
    await (await workDirectory(parent))[Symbol.asyncDispose]();
    expect(await isPresent(parent)).toBe(false);
  });
});

test("what is not a work directory stays", async () => {
  await inParent(async (parent) => {
    await mkdir(join(parent, "notes"), { recursive: true });
    await writeFile(join(parent, "0123.lock"), "");
    await (await workDirectory(parent))[Symbol.asyncDispose]();
    expect((await readdir(parent)).toSorted()).toEqual(["0123.lock", "notes"]);
  });
});

test("many at a time do not take each other's for abandoned", async () => {
  await inParent(async (parent) => {
    const make = async (): Promise<boolean> => {
      await using work = await workDirectory(parent);
      await writeFile(join(work.path, "file"), "");
      await Bun.sleep(2);
      return await isPresent(join(work.path, "file"));
    };
    const made = await Promise.all(Array.from({ length: 50 }, make));
    expect(made).toEqual(made.map(() => true));
    expect(await isPresent(parent)).toBe(false);
  });
});
