/** Protects: the verbs that a release is made with do what they say, through the words people type. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { invoke, type CommandOutcome } from "../lib/command/command-line.ts";
import { program } from "../lib/command/command.ts";
import { parseJson } from "../lib/text/json.ts";
import { serveRepository } from "../repo/serve.ts";
import { testImage } from "../test/worlds/update/update-image.ts";
import { repoCommands, repoGroups } from "./repo.ts";

const orlop = program({
  name: "orlop",
  summary: "For these tests",
  version: "0.0.0",
  options: {},
  groups: repoGroups,
  commands: repoCommands,
  context: (invocation) => ({ invocation }),
});

type World = AsyncDisposable & {
  directory: string;
  path(name: string): string;
  /** Words in which `@name` stands for a file of this world. */
  run(...words: string[]): Promise<CommandOutcome>;
  good(...words: string[]): Promise<CommandOutcome>;
  publish(version: string, ...words: string[]): Promise<CommandOutcome>;
};

async function world(): Promise<World> {
  const base = await mkdtemp(join(tmpdir(), "orlop-cli-repo-"));
  const path = (name: string): string => join(base, name);
  const run: World["run"] = async (...words) =>
    await invoke(orlop, ["repo", ...words.map((word) => (word.startsWith("@") ? path(word.slice(1)) : word))]);
  const good: World["good"] = async (...words) => {
    const outcome = await run(...words);
    if (outcome.exitCode !== 0) throw new Error(`repo ${words.join(" ")}: ${outcome.stderr}`);
    return outcome;
  };
  for (const name of ["root", "publication", "next"]) await good("key", "generate", `@${name}.pem`);
  await good("init", "@r", "--root-key", "@root.pem", "--key", "@publication.pem");
  return {
    directory: path("r"),
    path,
    run,
    good,
    async publish(version, ...words) {
      for (const part of ["boot", "root", "hash"])
        await writeFile(path(`${version}-${part}.zst`), `${part} ${version}`);
      const files = ["boot", "root", "hash"].flatMap((part) => [`--${part}`, `@${version}-${part}.zst`]);
      return await run("publish", "@r", version, "--variant", "dev", ...files, ...words);
    },
    [Symbol.asyncDispose]: () => rm(base, { recursive: true }),
  };
}

const signed = ["--key", "@publication.pem"];
const dev = ["--variant", "dev", ...signed];
const shownTrees = z.object({
  root: z.object({
    version: z.number(),
    roles: z.array(z.object({ role: z.string(), keys: z.array(z.object({ id: z.string() })) })),
  }),
  trees: z.array(
    z.object({
      updates: z.array(z.object({ version: z.string(), maxVersion: z.string(), waves: z.number() })),
      extraTargets: z.array(z.string()),
    }),
  ),
});
const shown = async (here: World): Promise<z.infer<typeof shownTrees>> =>
  shownTrees.parse(parseJson((await here.good("show", "@r", "--json")).stdout));

test("a key file is readable by its owner alone, and is never overwritten", async () => {
  await using here = await world();
  expect((await stat(here.path("root.pem"))).mode & 0o777).toBe(0o600);
  const again = await here.run("key", "generate", "@root.pem");
  expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("it exists")]);
});

test("what is published can be validated from its directory and from its URL", async () => {
  await using here = await world();
  expect((await here.publish("1.0.0", ...signed, "--waves", "none")).exitCode).toBe(0);
  expect((await here.good("validate", "@r")).stdout).toContain("dev on x86_64: 4 targets");
  using server = serveRepository(here.directory);
  const words = ["validate", server.url.href, "--root", "@r/root/1.root.json", "--variant", "dev"];
  expect((await here.good(...words)).stdout).toContain("4 targets");
  expect((await here.run("validate", server.url.href)).exitCode).toBe(2);
});

test("a byte changed on the server is found, and the target named", async () => {
  await using here = await world();
  await here.publish("1.0.0", ...signed);
  const stored = (await readdir(here.path("r/targets"))).find((name) => name.endsWith("1.0.0-root.zst"));
  await writeFile(here.path(`r/targets/${stored}`), "root 9.0.0");
  const outcome = await here.run("validate", "@r");
  expect([outcome.exitCode, outcome.stderr]).toEqual([1, expect.stringContaining("1.0.0-root.zst")]);
});

test("a file of the repository is fetched as signed, and a changed one leaves nothing behind", async () => {
  await using here = await world();
  await here.publish("1.0.0", ...signed, "--waves", "none");
  await writeFile(here.path("kit.tar.xz"), "headers");
  await here.good("add-target", "@r", "@kit.tar.xz", ...dev);
  const fetched = ["--variant", "dev", "--output", "@fetched"];
  await here.good("download", "@r", "kit.tar.xz", ...fetched);
  expect(await Bun.file(here.path("fetched/kit.tar.xz")).text()).toBe("headers");
  using server = serveRepository(here.directory);
  await here.good("download", server.url.href, "kit.tar.xz", "--root", "@r/root/1.root.json", ...fetched);
  expect((await here.run("download", server.url.href, "kit.tar.xz", ...fetched)).exitCode).toBe(2);
  expect((await here.run("download", "@r", "none.tar.xz", ...fetched)).stderr).toContain("has no such target");

  const stored = (await readdir(here.path("r/targets"))).find((name) => name.endsWith("kit.tar.xz"));
  await writeFile(here.path(`r/targets/${stored}`), "malware");
  const refused = await here.run("download", "@r", "kit.tar.xz", "--variant", "dev", "--output", "@other");
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("cannot download kit.tar.xz")]);
  expect(await readdir(here.path("other"))).toEqual([]);
});

test("a version is held back, recalled, and spread anew", async () => {
  await using here = await world();
  for (const version of ["1.0.0", "1.1.0", "1.2.0"]) await here.publish(version, ...signed);
  await here.good("max-version", "@r", "1.1.0", ...dev);
  expect((await shown(here)).trees[0]?.updates.map((each) => each.maxVersion)).toEqual(["1.1.0", "1.1.0", "1.1.0"]);
  await here.good("recall", "@r", "1.1.0", ...dev);
  const [tree] = (await shown(here)).trees;
  expect(tree?.updates.map((each) => [each.version, each.maxVersion])).toEqual([
    ["1.2.0", "1.0.0"],
    ["1.1.0", "1.0.0"],
    ["1.0.0", "1.0.0"],
  ]);
  expect(tree?.updates[0]?.waves).toBe(7);
  const spread = await here.good("waves", "@r", "1.2.0", "--waves", "ohno", "--start", "2030-01-01T00:00:00Z", ...dev);
  expect(spread.stdout.split("\n")[0]).toBe("from seed    0  2030-01-01T00:30:00.000Z");
  await here.good("waves", "@r", "1.2.0", "--waves", "none", ...dev);
  expect((await shown(here)).trees[0]?.updates[0]?.waves).toBe(0);
});

test("mistakes are refused with what was expected, and change nothing", async () => {
  await using here = await world();
  await here.publish("1.0.0", ...signed);
  const before = await shown(here);
  const refused: [string[], number, string][] = [
    [["recall", "@r", "1", ...dev], 2, "a version such as 1.2.3 is expected"],
    [["max-version", "@r", "0.1.0", ...dev], 1, "no version at or below it"],
    [["recall", "@r", "3.0.0", ...dev], 1, "versions for dev on x86_64: 1.0.0"],
    [["refresh", "@r", "--key", "@next.pem"], 1, "give a --key for each"],
    [["refresh", "@elsewhere", ...signed], 1, "make one with"],
    [["add-target", "@r", "@missing", ...dev], 1, "it does not exist"],
    [["waves", "@r", "1.0.0", "--waves", "@missing.toml", ...dev], 1, "cannot read"],
    [["serve", "@r", "--port", "99999"], 2, "a port from 0 to 65535"],
  ];
  for (const [words, exitCode, message] of refused) {
    const outcome = await here.run(...words);
    expect([words[0], outcome.exitCode, outcome.stderr]).toEqual([
      words[0],
      exitCode,
      expect.stringContaining(message),
    ]);
  }
  expect((await here.publish("1.0.0", ...signed)).stderr).toContain("it is in the manifest");
  expect(await shown(here)).toEqual(before);
});

test("a rotated key signs from then on, and the old one does not", async () => {
  await using here = await world();
  await here.publish("1.0.0", ...signed);
  const rotate = ["key", "rotate", "@r", "--old", "@publication.pem", "--new", "@next.pem", "--root-key", "@root.pem"];
  expect((await here.run(...rotate, ...signed)).exitCode).toBe(1); // trees must be signed by the new key
  await here.good(...rotate, "--key", "@next.pem");
  expect((await here.publish("1.1.0", ...signed)).exitCode).toBe(1);
  expect((await here.publish("1.1.0", "--key", "@next.pem")).exitCode).toBe(0);
  const { root } = await shown(here);
  expect(root.version).toBe(2);
  const id = (await here.good("key", "id", "@next.pem")).stdout.trim();
  expect(root.roles.find(({ role }) => role === "timestamp")?.keys).toEqual([{ id }]);
  expect((await here.good("validate", "@r", "--root", "@r/root/1.root.json")).stdout).toContain("7 targets");
});

test("root keys are added with a threshold and removed by the start of their id", async () => {
  await using here = await world();
  const root = ["--role", "root", "--root-key", "@root.pem", "--root-key", "@next.pem", ...signed];
  await here.good("key", "add", "@r", "@next.pem", ...root);
  await here.good("root", "threshold", "@r", "2", ...root);
  const alone = await here.run("root", "renew", "@r", "--root-key", "@root.pem", ...signed);
  expect([alone.exitCode, alone.stderr]).toEqual([1, expect.stringContaining("asks for 2 of its 2 root keys")]);
  await here.good("root", "threshold", "@r", "1", ...root);
  const id = (await here.good("key", "id", "@next.pem")).stdout.trim();
  await here.good("key", "remove", "@r", id.slice(0, 10), ...root);
  expect((await shown(here)).root.roles[0]?.keys).toHaveLength(1);
});

test("a role that expires soon makes the check fail and is listed first", async () => {
  await using here = await world();
  await here.publish("1.0.0", ...signed);
  expect((await here.run("check-expirations", "@r")).exitCode).toBe(0);
  await writeFile(here.path("short.toml"), 'timestamp = "2 days"\n');
  await here.good("refresh", "@r", ...signed, "--expirations", "@short.toml");
  const outcome = await here.run("check-expirations", "@r", "--within", "3 days");
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stdout.split("\n")[0]).toMatch(/^2\.0 days left {2}timestamp version 2/);
});

test("a further target is offered beside the updates", async () => {
  await using here = await world();
  await writeFile(here.path("kit.tar.zst"), "kit");
  expect((await here.run("add-target", "@r", "@kit.tar.zst", ...dev)).stderr).toContain("nothing is published");
  await here.publish("1.0.0", ...signed);
  await here.good("add-target", "@r", "@kit.tar.zst", ...dev);
  expect((await shown(here)).trees[0]?.extraTargets).toEqual(["kit.tar.zst"]);
});

test("what a build made is published as its list says, and refused when a file is another one", async () => {
  await using here = await world();
  const { artefacts } = testImage(5);
  const artefact = async (name: string, bytes: Uint8Array) => {
    await writeFile(here.path(name), bytes);
    return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  };
  const unpacked = { unpackedBytes: 1, unpackedSha256: "0".repeat(64) };
  const manifest = {
    format: 1,
    variant: "dev",
    architecture: "x86_64",
    version: "1.4.0",
    commit: "dafe3b16",
    rootHash: testImage(5).rootHash,
    disk: await artefact("x.img", Buffer.from("disk")),
    root: { ...(await artefact("x-root.erofs.zst", artefacts.root)), ...unpacked },
    hash: { ...(await artefact("x-root.verity.zst", artefacts.hash)), ...unpacked },
    unifiedImage: await artefact("x.efi", artefacts.boot),
    sbom: await artefact("x.spdx.json", Buffer.from("{}")),
  };
  await writeFile(here.path("x.json"), JSON.stringify(manifest));
  await writeFile(here.path("x.efi"), "another one");
  const refused = await here.run("publish-image", "@r", "@x.json", ...signed);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("it is not what")]);
  await writeFile(here.path("x.efi"), artefacts.boot);
  await here.good("publish-image", "@r", "@x.json", "--waves", "none", ...signed);
  expect((await shown(here)).trees[0]?.updates.map((each) => each.version)).toEqual(["1.4.0"]);
  await writeFile(here.path("x.json"), "{}");
  expect((await here.run("publish-image", "@r", "@x.json", ...signed)).stderr).toContain(
    "no list of a build's artefacts",
  );
});
