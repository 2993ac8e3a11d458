import { expect, test } from "bun:test";
import type { Settings } from "../../settings/model/model.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { hostnameFile } from "../files/hostname.ts";
import { hostname } from "./hostname.ts";

const facts = factsOf();
const path = "/proc/sys/kernel/hostname";

test("the kernel gets the name, and all rests", async () => {
  await using host = await testSystem();
  await host.write(path, "localhost\n");
  const settings = settingsOf({ network: { hostname: "node-1.example.com" } });
  expect((await hostname.reconcile(host.system, settings, facts)).steps).toBe(1);
  expect(await host.read(path)).toBe("node-1.example.com");
  expect((await hostname.reconcile(host.system, settings, facts)).steps).toBe(0);
});

test("a name that an older image accepted and the kernel cannot hold is cut at its first dot, and all rests", async () => {
  await using host = await testSystem();
  await host.write(path, "localhost\n");
  const long = `node-1.${"a".repeat(60)}.example.com`;
  const settings: Settings = { ...settingsOf(), network: { hostname: long } };
  expect((await hostname.reconcile(host.system, settings, facts)).setbacks).toEqual([]);
  expect(await host.read(path)).toBe("node-1");
  expect((await hostname.reconcile(host.system, settings, facts)).steps).toBe(0);
  expect(hostnameFile.render(settings, facts)).toMatchObject([{ content: "node-1\n" }]);
});
