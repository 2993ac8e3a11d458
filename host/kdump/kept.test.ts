import { expect, test } from "bun:test";
import { utimes } from "node:fs/promises";
import { testSystem } from "../../test/worlds/host/system.ts";
import { hostPath } from "../machine/system.ts";
import { crashMessagesPath, keptCrash } from "./kept.ts";

test("a host whose kernel never crashed says nothing, another when it did", async () => {
  await using host = await testSystem();
  expect(await keptCrash(host.system)).toBeUndefined();
  await host.write(crashMessagesPath, "Kernel panic - not syncing\n");
  const at = new Date("2026-02-03T04:05:06Z");
  await utimes(hostPath(host.system, crashMessagesPath), at, at);
  expect(await keptCrash(host.system)).toEqual(at);
});

test("a data partition that cannot be read is no reason to fail", async () => {
  await using host = await testSystem();
  await host.write("/var/log", "not a directory\n");
  expect(await keptCrash(host.system)).toBeUndefined();
});
