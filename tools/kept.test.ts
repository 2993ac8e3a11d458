/** Protects: what the host keeps has one owner, so that all of it is durable, simulated and reported when it is damaged. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const repository = join(import.meta.dir, "..");
const owner = "host/kept/things.ts";
const program = /^(?!.*\.test\.ts$)/;
const files = [...new Bun.Glob("{lib,settings,variants,api,repo,host,image,vm,cli}/**/*.ts").scanSync(repository)]
  .filter((file) => program.test(file))
  .toSorted();

/** As it runs: without comments, which may speak of anything. */
const transpiler = new Bun.Transpiler({ loader: "ts" });
const codeOf = async (file: string): Promise<string> =>
  transpiler.transformSync(await readFile(join(repository, file), "utf8"));

/** Those who remove or move files by themselves, and where: nowhere that outlasts the boot of a host. */
const removers: Readonly<Record<string, string>> = {
  "host/apiserver/server/socket-server.ts": "its socket in /run",
  "programs/bun-executable.ts": "the build machine's cache",
  "host/commands/apiclient/logs.ts": "a file of whoever calls it",
  "host/containers/exec.ts": "pipes in /run",
  "host/containers/run-container.ts": "pipes in /run",
  "host/extensions/fetch-extensions.ts": "copies of what the update repository has, whose hash tree vouches for them",
  "host/reconcile/files.ts": "links in /etc, which ends with the boot",
  "host/update/judge/last-words.ts": "records of the firmware in /sys",
  "host/update/fetch/tuf-state.ts": "copies in /run",
};

test(`nothing but ${owner} names the directories in which the host keeps things`, async () => {
  const naming: string[] = [];
  for (const file of files) if (/\/var\/lib\/orlop|\/run\/private/.test(await codeOf(file))) naming.push(file);
  expect(naming).toEqual([owner]);
});

test("whoever removes or moves files past System.storage does it where nothing is kept", async () => {
  const found: string[] = [];
  for (const file of files.filter((each) => each.startsWith("host/"))) {
    const imported = /import \{([^}]*)\} from "node:fs(?:\/promises)?"/.exec(await codeOf(file))?.[1] ?? "";
    if (/\b(unlink|rm|rmdir|rename)(Sync)?\b/.test(imported)) found.push(file);
  }
  expect(found.filter((file) => !(file in removers))).toEqual([]);
  expect(found.length).toBeGreaterThan(3);
});

/** They sync the directory themselves, after several changes in it, or have nothing to lose. */
const syncing = ["host/datastore/log/disk.ts", "host/kept/set-aside.ts", "host/update/boot/signpost.ts"];

test("what is removed through System.storage is removed durably", async () => {
  const found: string[] = [];
  for (const file of files.filter((each) => each.startsWith("host/"))) {
    if (/removeIfPresent\([^;]*(storage|files)\b/i.test(await codeOf(file))) found.push(file);
  }
  expect(found).toEqual(syncing);
});

test("every file that is kept is declared once", async () => {
  const { keptPlaces, placed } = await import("../host/kept/things.ts");
  const paths = [...keptPlaces.map(({ path }) => path), ...Object.values(placed)];
  expect(new Set(paths).size).toBe(paths.length);
  for (const path of paths) expect(path).toMatch(/^\/(?:var\/lib\/orlop|run\/private)\//);
  for (const { whenLost } of keptPlaces) expect(whenLost.length).toBeGreaterThan(10);
});
