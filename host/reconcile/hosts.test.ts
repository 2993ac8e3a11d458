import { expect, test } from "bun:test";
import type { Json } from "../../lib/text/json.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { hosts } from "./hosts.ts";

const facts = factsOf();
const withNetwork = (network: Json) => settingsOf({ network });
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("a name that DNS does not know is a loopback name", async () => {
  await using host = await testSystem();
  const settings = withNetwork({ hostname: "node-1" });
  await hosts.reconcile(host.system, settings, facts);
  expect(lines(await host.read("/etc/hosts"))).toEqual(["127.0.0.1 localhost node-1", "::1 localhost node-1"]);
  expect((await hosts.reconcile(host.system, settings, facts)).steps).toBe(0);
});

test("a name that DNS knows is left to DNS, and DNS is asked once", async () => {
  let requests = 0;
  const addressesOf = async (): Promise<string[]> => (requests++, ["10.0.0.5"]);
  await using host = await testSystem({ dns: { addressesOf } });
  const settings = withNetwork({ hostname: "node-1.example.com" });
  await hosts.reconcile(host.system, settings, facts);
  await hosts.reconcile(host.system, settings, facts);
  expect(lines(await host.read("/etc/hosts"))).toEqual(["127.0.0.1 localhost", "::1 localhost"]);
  expect(requests).toBe(1);
});

test("a name that DNS says is this very machine does not count as known", async () => {
  await using host = await testSystem({ dns: { addressesOf: async () => ["127.0.0.1", "::1"] } });
  await hosts.reconcile(host.system, withNetwork({ hostname: "node-1" }), facts);
  expect(lines(await host.read("/etc/hosts"))[0]).toBe("127.0.0.1 localhost node-1");
});

test("own entries follow, joined by address; a name among them, or that is an address, is not asked about", async () => {
  const addressesOf = (): Promise<string[]> => Promise.reject(new Error("nobody should ask"));
  await using host = await testSystem({ dns: { addressesOf } });
  const entries = [
    ["10.0.0.5", ["registry.example.com"]],
    ["10.0.0.6", ["node-1"]],
    ["10.0.0.5", ["registry"]],
  ];
  await hosts.reconcile(host.system, withNetwork({ hostname: "node-1", hosts: entries }), facts);
  expect(lines(await host.read("/etc/hosts"))).toEqual([
    "127.0.0.1 localhost",
    "::1 localhost",
    "10.0.0.5 registry.example.com registry",
    "10.0.0.6 node-1",
  ]);
  await hosts.reconcile(host.system, withNetwork({ hostname: "10.0.2.15" }), facts);
  expect(lines(await host.read("/etc/hosts"))).toHaveLength(2);
});
