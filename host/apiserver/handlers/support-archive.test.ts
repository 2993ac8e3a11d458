/** `apiclient logs --bundle` against the real daemon: the archive comes whole, or not at all. */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { invoke } from "../../../lib/command/command-line.ts";
import { runningHost, type RunningHost } from "../../../test/worlds/host/running-host.ts";
import { apiclient } from "../../commands/apiclient.ts";
import { archivePath } from "../../logdog/archive.ts";

let host: RunningHost;
let output: string;
/** More than fits into the buffers on the way. */
const archive = randomBytes(8 * 1024 * 1024);

beforeAll(async () => {
  host = await runningHost();
  output = join(host.machine.system.root, "fetched");
  await mkdir(output);
});
afterAll(async () => host?.[Symbol.asyncDispose]());

const fetchTo = async (file: string) => await invoke(apiclient, ["-s", host.socket, "logs", "--bundle", "-o", file]);

/** What the service does when it is started. */
function serviceWrites(bytes: Uint8Array): void {
  const path = join(host.machine.system.root, archivePath);
  mkdirSync(dirname(path), { recursive: true });
  const does = (): void => writeFileSync(path, bytes);
  host.units.set("logdog.service", { state: "inactive", started: 0, reloaded: 0, does });
}

test("the archive is what the service wrote, byte for byte", async () => {
  serviceWrites(archive);
  const file = join(output, "logs.tar.gz");
  expect(await fetchTo(file)).toEqual({ stdout: `wrote ${file}\n`, stderr: "", exitCode: 0 });
  expect((await readFile(file)).equals(archive)).toBe(true);
  expect(host.units.get("logdog.service")?.started).toBe(1);
});

test("an empty archive is a file too", async () => {
  serviceWrites(new Uint8Array());
  const file = join(output, "empty.tar.gz");
  expect(await fetchTo(file)).toMatchObject({ exitCode: 0 });
  expect(await readFile(file)).toHaveLength(0);
});

test("when it cannot be made, the reason is told and no file is left", async () => {
  host.units.set("logdog.service", {
    state: "inactive",
    started: 0,
    reloaded: 0,
    breaks: { result: "oom-kill", journal: "" },
  });
  const before = await readdir(output);
  const { stderr, exitCode } = await fetchTo(join(output, "none.tar.gz"));
  expect(stderr).toContain("cannot start logdog.service: oom-kill");
  expect(exitCode).toBe(1);
  expect(await readdir(output)).toEqual(before);
});

test("a service that is ended before it wrote one is told", async () => {
  // Before it writes, it takes an old one away (host/logdog/logdog.test.ts).
  const does = (): void => rmSync(join(host.machine.system.root, archivePath), { force: true });
  host.units.set("logdog.service", { state: "inactive", started: 0, reloaded: 0, does });
  const { stderr, exitCode } = await fetchTo(join(output, "none.tar.gz"));
  expect(stderr).toContain("cannot fetch the support archive: logdog.service ended without one");
  expect(exitCode).toBe(1);
});

test("either a container or the archive is asked for, never both", async () => {
  for (const words of [[], ["admin", "--bundle"]]) {
    expect(await invoke(apiclient, ["-s", host.socket, "logs", ...words])).toMatchObject({ exitCode: 2 });
  }
});

test("of two archives at once the second is refused, and the first comes whole", async () => {
  serviceWrites(archive);
  const systemctl = host.machine.programs.get("systemctl");
  const begun = Promise.withResolvers<undefined>();
  const goesOn = Promise.withResolvers<undefined>();
  host.machine.programs.set("systemctl", async (argv, limits) => {
    if (argv.at(-1) === "logdog.service" && argv[1] === "start") {
      begun.resolve(undefined);
      await goesOn.promise;
    }
    return (await systemctl?.(argv, limits)) ?? "";
  });
  const file = join(output, "first.tar.gz");
  const first = fetchTo(file);
  await begun.promise;
  const second = await fetchTo(join(output, "second.tar.gz"));
  goesOn.resolve(undefined);
  expect(second).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("one is being made for somebody else") });
  expect(await first).toMatchObject({ exitCode: 0 });
  expect((await readFile(file)).equals(archive)).toBe(true);
});
