/** Protects: what a policy would do to a fleet is told by the verbs that docs/fleet.md has, through the words people type. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { invoke, type CommandOutcome } from "../../lib/command/command-line.ts";
import { program } from "../../lib/command/command.ts";
import { addUpdate, emptyManifest } from "../../repo/manifest.ts";
import { wavesOf } from "../../repo/waves/wave-policy.ts";
import { simulateCommands, simulateGroups } from "./simulate.ts";

const orlop = program({
  name: "orlop",
  summary: "For these tests",
  version: "0.0.0",
  options: {},
  groups: simulateGroups,
  commands: simulateCommands,
  context: (invocation) => ({ invocation }),
});
const simulate = async (...words: string[]): Promise<CommandOutcome> => await invoke(orlop, ["simulate", ...words]);

let directory: string;
const file = (name: string): string => join(directory, name);
/** The page brings its plots along; a busy computer takes long to read them. */
const limitMs = 60_000;
const always = ["--nodes", "50", "--running", "1.0.0", "--for", "1d"];
const fleet = async (policy: string, ...words: string[]): Promise<CommandOutcome> =>
  await simulate("fleet", ...always, "--policy", file(policy), "--manifest", file("manifest.json"), ...words);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-simulate-"));
  const atOnce = '[[waves]]\nstart_after = "0 minutes"\nfleet_percentage = 100\n';
  const waves = wavesOf(atOnce, new Date("2026-12-01T00:00:00Z"), "waves");
  const update = { version: "1.1.0", images: { boot: "boot", root: "root", hash: "hash" }, waves };
  const manifest = addUpdate(emptyManifest, { variant: "metal-k8s-1.35", arch: "x86_64" }, update);
  await writeFile(file("manifest.json"), JSON.stringify(manifest));
  await writeFile(file("policy.yaml"), "spec: { maxUnavailable: 10%, maxPreparing: 10 }\n");
  await writeFile(file("faults.toml"), '[[bad]]\nversion = "1.1.0"\nshows = "gate"\n');
});
afterAll(async () => await rm(directory, { recursive: true }));

test(
  "a release over a fleet is told as a table, and as a page that loads nothing",
  async () => {
    const { exitCode, stdout, stderr } = await fleet("policy.yaml", "--page", file("fleet.html"));
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout).toContain("50 nodes for 1 d, seed 1: every invariant held\n");
    expect(stdout).toMatch(/^100 % updated +after /m);
    expect(stdout).toMatch(/^most away at once +\d of 5 allowed$/m);
    expect(stdout).toMatch(/^booted 1\.1\.0 +50 hosts$/m);
    const page = await readFile(file("fleet.html"), "utf8");
    expect(page.includes("<title>50 nodes for 1 d, seed 1</title>")).toBe(true);
    expect(page.includes("default-src 'none'")).toBe(true);
    expect(/"updated":\[[\d,]*,50\]/.test(page)).toBe(true);
  },
  limitMs,
);

test("a bad version halts the fleet, and it is told how many hosts had it", async () => {
  const { stdout } = await fleet("policy.yaml", "--faults", file("faults.toml"));
  expect(stdout).toMatch(/^halted after .* 1 host had booted 1\.1\.0; .*: went back to 1\.0\.0/m);
  expect(stdout).toMatch(/^100 % updated +never$/m);
});

test("what cannot be used is refused with the file's name, before anything is simulated", async () => {
  await writeFile(file("wrong.yaml"), "spec: { maxUnavailable: some }\n");
  const { exitCode, stderr } = await fleet("wrong.yaml");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("wrong.yaml");
  expect(stderr).toContain("maxUnavailable");
});

test.each([
  ['{"updates":[{}],"migrations":{}}', "variant"],
  ['{"updates":[', "line 1, column 13"],
])("a manifest of another name that cannot be used is refused by that name: %s", async (text, reason) => {
  await writeFile(file("other-manifest.json"), text);
  const named = ["--policy", file("policy.yaml"), "--manifest", file("other-manifest.json")];
  const { exitCode, stderr } = await simulate("fleet", ...always, ...named);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("other-manifest.json");
  expect(stderr).toContain(reason);
});

test("what waves do is told wave by wave, and those that are recommended keep to the radius", async () => {
  const shipped = join(import.meta.dir, "../../repo/waves/policies/default.toml");
  const { exitCode, stdout } = await simulate("waves", shipped, "--notice", "2h", "--blast-radius", "5");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^wave 1 opens after .*: .* % of the fleet/m);
  const radii = [...stdout.matchAll(/^blast radius: ([\d.]+) % of the fleet within 2 h/gm)].map(([, share]) =>
    Number(share),
  );
  expect(radii).toHaveLength(2);
  expect(radii[1]).toBeLessThanOrEqual(5);
  expect(stdout).toContain("[[waves]]");
});
