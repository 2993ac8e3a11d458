import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sourcePattern } from "./layers.ts";
import { pastDoors } from "./doors.ts";

const repository = join(import.meta.dir, "..");
const files = [...new Bun.Glob(sourcePattern).scanSync(repository)].toSorted();

test("nobody goes past a door: to programs, to time, and on a host to its machine", async () => {
  const found: string[] = [];
  for (const file of files) found.push(...pastDoors(file, await readFile(join(repository, file), "utf8")));
  expect(found).toEqual([]);
  expect(files.length).toBeGreaterThan(50);
});

test("what goes past a door is seen, and comments and tests are left alone", () => {
  const source = `
    // Not by Bun.spawn.
    const child = Bun.spawn(["true"]);
    const until = Date.now() + 5_000; // performance.now() would do
    await Bun.sleep(5);
    const made = new Date(text);
  `;
  expect(pastDoors("host/x.ts", source)).toEqual([
    "host/x.ts:3: programs are started by lib/program/program.ts",
    "host/x.ts:5: time elapses, and is waited for, by a Clock of lib/clock.ts",
    "host/x.ts:4: time on a host is that of System.clock",
  ]);
  expect(pastDoors("vm/x.ts", source)).toHaveLength(2);
  expect(pastDoors("host/x.test.ts", source)).toEqual([]);
  expect(pastDoors("lib/program/program.ts", "Bun.spawn([])")).toEqual([]);
  expect(pastDoors("host/x.ts", 'await readTextIfPresent("/etc/motd")')).toEqual([
    "host/x.ts:1: files of a host lie below System.root (hostPath)",
  ]);
  expect(pastDoors("host/x.ts", "await readFile(hostPath(system, path))")).toEqual([]);
  expect(pastDoors("host/x.ts", 'import { hostname } from "node:os";\nawait fetch(url)')).toHaveLength(2);
  expect(pastDoors("host/x.ts", "await system.fetch(url)")).toEqual([]);
  expect(pastDoors("installer/x.ts", "await fetch(url)")).toHaveLength(1);
  expect(pastDoors("host/x.ts", 'import { EC2Client } from "@aws-sdk/client-ec2";')).toHaveLength(1);
  expect(pastDoors("publish/aws/x.ts", 'import { EC2Client } from "@aws-sdk/client-ec2";')).toEqual([]);
  expect(pastDoors("host/x.ts", 'await system.run(["journalctl", "--boot"])')).toHaveLength(1);
  expect(pastDoors("host/daemon/status.ts", "await machineClock.sleep(5)")).toHaveLength(1);
  expect(pastDoors("host/commands/apiclient/wait/wait.ts", "await machineClock.sleep(5)")).toEqual([]);
});
