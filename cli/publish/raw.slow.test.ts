/** Protects: a compressed image is written to a disk by the tool that people use for it, bit by bit, and spoilt ones are not. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { openToolsRoot, runTool, toolCommand } from "../../image/packages/tools-root.ts";
import { buildDirectory } from "../context.ts";
import { invoke } from "../../lib/command/command-line.ts";
import { ask, run } from "../../lib/program/process.ts";
import { makeBuild } from "../../test/worlds/publish/build.ts";
import { orlop } from "../main.ts";

const publishing = await orlop(["publish"]);

let directory: string;
let name: string;
const file = (path: string): string => join(directory, path);

const mebibyte = 2 ** 20;
/** A file system with much that is free, and a set that nothing was written to yet. */
const places = { esp: { at: 40 * mebibyte, bytes: 8 * mebibyte }, setB: { at: 48 * mebibyte, bytes: 8 * mebibyte } };

async function partition(path: string): Promise<void> {
  const line = (label: string, { at, bytes }: { at: number; bytes: number }): string =>
    `start=${at / 512}, size=${bytes / 512}, name=${label}`;
  const table = ["label: gpt", line("ORLOP-ESP", places.esp), line("ORLOP-ROOT-B", places.setB), ""].join("\n");
  await runTool(await openToolsRoot(), ["sfdisk", "--quiet", path], { binds: [directory], stdin: table });
}

/** 60 MiB and a bit: whole runs of 16 MiB, single blocks, and an end in the middle of one. */
beforeAll(async () => {
  // Below where the tests run, so that a path from here means nothing elsewhere.
  await mkdir(buildDirectory, { recursive: true });
  directory = await mkdtemp(join(buildDirectory, "publish-raw-"));
  {
    await using disk = await open(file("disk"), "w");
    await disk.truncate(60 * 2 ** 20 + 100);
    await disk.write(randomBytes(20 * 2 ** 20), 0, 20 * 2 ** 20, 2 ** 20);
    for (const at of [30 * 2 ** 20 + 5000, places.esp.at + 100, 60 * 2 ** 20])
      await disk.write(randomBytes(90), 0, 90, at);
  }
  await partition(file("disk"));
  ({ name } = await makeBuild(directory, { variant: "metal-dev", commit: "00000001", image: file("disk") }));
  const { stderr, exitCode } = await invoke(publishing, ["publish", "raw", relative(process.cwd(), directory)]);
  if (exitCode !== 0) throw new Error(stderr);
}, 120_000);
afterAll(async () => await rm(directory, { recursive: true }));

async function copied(to: string): Promise<{ exitCode: number; text: string }> {
  const tools = await openToolsRoot({ sets: ["bmap"] });
  // The tool tells how fast the disk is by what is below /sys, and copes without.
  const argv = ["bmaptool", "copy", "--bmap", file(`${name}.img.bmap`), file(`${name}.img.zst`), file(to)] as const;
  const { exitCode, stdout, stderr } = await ask(toolCommand(tools, argv, { binds: [directory] }));
  return { exitCode, text: `${stdout}${stderr}` };
}

test("bmaptool writes what was built", async () => {
  await writeFile(file("target"), "");
  expect(await copied("target")).toMatchObject({ exitCode: 0 });
  const [target, disk] = [await readFile(file("target")), await readFile(file("disk"))];
  expect(target.subarray(0, disk.length).equals(disk)).toBe(true);
  await run(["sha256sum", "--check", "--quiet", `${name}.img.sha256`], { cwd: directory });
});

test("of a disk that was in use, all that a file system reads is overwritten, and what nothing reads is not", async () => {
  const disk = await readFile(file("disk"));
  const used = Buffer.alloc(disk.length, 0xa5);
  const map = await readFile(file(`${name}.img.bmap`), "utf8");
  for (const [, first = "", last = first] of map.matchAll(/<Range chksum="[0-9a-f]+">(\d+)(?:-(\d+))?<\/Range>/g)) {
    disk.copy(used, Number(first) * 4096, Number(first) * 4096, (Number(last) + 1) * 4096);
  }
  const { esp, setB } = places;
  const content = (bytes: Buffer): Buffer => bytes.subarray(esp.at, esp.at + esp.bytes);
  expect(content(used).equals(content(disk))).toBe(true);
  expect(used.subarray(setB.at, setB.at + setB.bytes).every((byte) => byte === 0xa5)).toBe(true);
});

test("zstd alone gives the image as well", async () => {
  const tools = await openToolsRoot();
  await runTool(tools, ["zstd", "-q", "-d", file(`${name}.img.zst`), "-o", file("plain")], { binds: [directory] });
  expect((await readFile(file("plain"))).equals(await readFile(file("disk")))).toBe(true);
});

test("a map that was changed is refused, and so is an image of other bytes", async () => {
  const map = await readFile(file(`${name}.img.bmap`), "utf8");
  await writeFile(file(`${name}.img.bmap`), map.replace("<ImageSize>", "<ImageSize> "));
  expect((await copied("spoilt")).exitCode).not.toBe(0);
  await writeFile(file(`${name}.img.bmap`), map);
  {
    await using disk = await open(file("disk"), "r+");
    await disk.write(Buffer.from("x"), 0, 1, 2 ** 21);
  }
  const tools = await openToolsRoot();
  await runTool(tools, ["zstd", "-q", "-f", file("disk"), "-o", file(`${name}.img.zst`)], { binds: [directory] });
  const refused = await copied("spoilt");
  expect(refused.exitCode).not.toBe(0);
  expect(refused.text).toContain("checksum mismatch");
});
