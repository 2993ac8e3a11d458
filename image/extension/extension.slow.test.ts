/** Protects: an extension holds what its owner meant and hosts take, and whoever builds one learns what does not belong there. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdir, readFile, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { extensionBuild, type ExtensionBuild } from "../../test/worlds/extension/extension-build.ts";
import { strangersKey } from "../../test/worlds/extension/resigned.ts";
import { openToolsRoot, runTool } from "../packages/tools-root.ts";
import { buildExtension } from "./build-extension.ts";

let world: ExtensionBuild;
beforeAll(async () => {
  world = await extensionBuild();
}, 120_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const hello = { "usr/bin/hello": "\u007fELF hello" };

test("it is called as in a repository, has the partitions that systemd knows, and is the same each time", async () => {
  const first = await world.extension("tools", hello);
  expect(basename(first)).toBe("dev-x86_64-extension-tools-v0.2.0.raw");
  const tools = await openToolsRoot();
  const { stdout } = await runTool(tools, ["sfdisk", "--json", first], { readOnlyBinds: [first] });
  const { partitiontable } = JSON.parse(stdout) as { partitiontable: { partitions: { type: string }[] } };
  // Discoverable Partitions Specification: root, verity and its signature of x86-64.
  expect(partitiontable.partitions.map(({ type }) => type.toLowerCase())).toEqual([
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
    "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5",
    "41092b05-9fc8-4523-994f-2def0408b176",
  ]);
  const bytes = await readFile(first);
  const second = await world.extension("tools", hello);
  expect(second).not.toBe(first);
  expect(Buffer.compare(bytes, await readFile(second))).toBe(0);
}, 60_000);

test.each([
  ["a file outside /usr", { ...hello, "etc/tools.conf": "" }, "it may hold nothing outside /usr: /etc/tools.conf"],
  ["a file of the image", { "usr/bin/there": "mine" }, "the image has files that it would replace: /usr/bin/there"],
  ["a file where the image has a directory", { "usr/bin": "mine" }, "/usr/bin"],
])(
  "%s is refused by name",
  async (_, files, message) => {
    await expect(world.extension("tools", files)).rejects.toThrow(message);
  },
  60_000,
);

test("what holds no file is refused", async () => {
  const empty = join(world.directory, "empty");
  await mkdir(join(empty, "usr/share"), { recursive: true });
  const options = { name: "tools", sources: [empty], key: world.key, output: world.directory };
  await expect(buildExtension(world.build, options)).rejects.toThrow("empty holds no file");
}, 60_000);

test("a program that is set-uid, and a name that is none, are refused", async () => {
  const tree = await world.sources(hello);
  await chmod(join(tree, "usr/bin/hello"), 0o4755);
  const build = async (name: string, source: string) =>
    await buildExtension(world.build, { name, sources: [source], key: world.key, output: world.directory });
  await expect(build("tools", tree)).rejects.toThrow("hosts would not run its programs: /usr/bin/hello is set-uid");
  await expect(build("to_ols", tree)).rejects.toThrow('called "to_ols"');
  await expect(build("tools", join(tree, "nowhere"))).rejects.toThrow("nowhere: it does not exist");
}, 60_000);

test("a key that the image's hosts do not trust is refused before anything is signed", async () => {
  const sources = [await world.sources(hello)];
  const signing = buildExtension(world.build, {
    name: "tools",
    sources,
    key: await strangersKey(world.directory),
    output: world.directory,
  });
  await expect(signing).rejects.toMatchObject({ code: "wrong-key" });
}, 60_000);

test("a Debian package becomes one, without its documentation", async () => {
  const tree = await world.sources({
    "DEBIAN/control":
      "Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: T <t@t.example>\nDescription: a test\n",
    "bin/hello": "\u007fELF hello",
    "usr/share/doc/hello/copyright": "",
  });
  const deb = join(world.directory, "hello.deb");
  const { run } = await import("../../lib/program/process.ts");
  await run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb]);
  await rename(deb, join(world.directory, "hello_1_all.deb"));
  const sources = [join(world.directory, "hello_1_all.deb")];
  const path = await buildExtension(world.build, { name: "hello", sources, key: world.key, output: world.directory });
  const tools = await openToolsRoot();
  const root = join(world.directory, "of-hello.erofs");
  const { tableEntries } = await import("../../lib/partition-table.ts");
  const content = await readFile(path);
  const [data] = tableEntries(content);
  await Bun.write(root, content.subarray((data?.first ?? 0) * 512, ((data?.first ?? 0) + (data?.sectors ?? 0)) * 512));
  const list = await runTool(tools, ["dump.erofs", "--ls", "--path=/usr", root], { readOnlyBinds: [root] });
  expect(list.stdout).toContain("bin");
  expect(list.stdout).not.toContain("share");
  const release = ["dump.erofs", "--cat", "--path=/usr/lib/extension-release.d/extension-release.hello", root] as const;
  expect((await runTool(tools, release, { readOnlyBinds: [root] })).stdout).toBe(
    "ID=orlop\nVERSION_ID=0.2.0\nVARIANT_ID=dev\nARCHITECTURE=x86-64\n",
  );
}, 60_000);
