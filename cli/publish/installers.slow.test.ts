/** Protects: an installer that could not do what it is for is not made, and the reason is told where it was asked for. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { invoke } from "../../lib/command/command-line.ts";
import { makeBuild } from "../../test/worlds/publish/build.ts";
import { orlop } from "../main.ts";

const publishing = await orlop(["publish"]);
let directory: string;
let image: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "publish-installers-"));
  image = join(directory, "disk");
  await writeFile(image, "a disk");
});
afterAll(async () => await rm(directory, { recursive: true }));

async function refused(variant: string, kind: "iso" | "netboot", ...words: string[]): Promise<string> {
  const { manifestPath } = await makeBuild(directory, { variant, commit: "00000002", image });
  const { exitCode, stderr } = await invoke(publishing, ["publish", kind, manifestPath, ...words]);
  expect(exitCode).not.toBe(0);
  return stderr;
}

test("images of clouds have no installer", async () => {
  const reason = "cannot make an installer of orlop-aws-dev-x86_64-0.2.0-00000002: it is for aws, expected metal";
  expect(await refused("aws-dev", "iso")).toContain(reason);
});

test("user data that a host would not take is refused with its place", async () => {
  const path = join(directory, "user-data.toml");
  await writeFile(path, '[settings]\nmotd = "x"\n[settings.kernel]\nlockdown = "on"\n');
  const reason = await refused("metal-dev", "iso", "--user-data", path);
  expect(reason).toContain(`cannot hand over ${path}: a host would not take it`);
  expect(reason).toContain(`${path}:4:12: settings.kernel.lockdown must be one of`);
});

test("what is chosen is understood, or refused with what is expected", async () => {
  const asked = async (...words: string[]): Promise<string> => await refused("metal-dev", "iso", ...words);
  expect(await asked("--disk", "first")).toContain('cannot choose a disk by "first": expected only, smallest');
  expect(await asked("--user-data-from", "stick")).toContain('cannot take user data from "stick": an address such as');
  expect(await asked("--user-data", "a", "--user-data-from", "LABEL=A")).toContain("exclude each other");
  expect(await asked("--countdown", "soon")).toContain("a whole number of 1 or more is expected");
  expect(await refused("metal-dev", "netboot")).toContain("--url");
  expect(await refused("metal-dev", "netboot", "--url", "/srv/www")).toContain("an address such as http://");
});
