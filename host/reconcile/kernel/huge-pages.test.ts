import { expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Json } from "../../../lib/text/json.ts";
import { factsOf, settingsOf } from "../../../test/worlds/host/settings.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import { hugePages } from "./huge-pages.ts";

const facts = factsOf();
const small = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
const withPages = (hugepages: Json) => settingsOf({ kernel: { hugepages } });

test("pages are set aside by size, for the machine or by node, and then it rests", async () => {
  await using host = await testSystem();
  const node = "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages";
  await host.write(small, "0\n");
  await host.write(node, "0\n");
  const settings = withPages({ static: { "2Mi": { count: 512 }, "1Gi": { count: "1:3" } } });
  expect((await hugePages.reconcile(host.system, settings, facts)).effects).toEqual([
    { description: "set aside 512 huge pages of 2Mi" },
    { description: "set aside 3 huge pages of 1Gi on node 1" },
  ]);
  expect([await host.read(small), await host.read(node)]).toEqual(["512", "3"]);
  expect((await hugePages.reconcile(host.system, settings, facts)).steps).toBe(0);
});

test("transparent pages follow the settings, and nothing is touched without one", async () => {
  await using host = await testSystem();
  const path = "/sys/kernel/mm/transparent_hugepage/enabled";
  await host.write(path, "always [madvise] never\n");
  expect((await hugePages.reconcile(host.system, settingsOf(), facts)).steps).toBe(0);
  await hugePages.reconcile(host.system, withPages({ transparent: { enabled: "never" } }), facts);
  expect(await host.read(path)).toBe("never");
});

/** A kernel without memory in one piece takes any number, and has none. */
async function outOfMemory(host: TestSystem): Promise<void> {
  await mkdir(dirname(join(host.system.root, small)), { recursive: true });
  await symlink("/dev/null", join(host.system.root, small));
}

test("fewer pages than asked for are told as what a reboot may mend, and tried once", async () => {
  await using host = await testSystem();
  await outOfMemory(host);
  const settings = withPages({ static: { "2Mi": { count: 512 } } });
  expect((await hugePages.reconcile(host.system, settings, facts)).setbacks).toEqual([]);
  const next = await hugePages.reconcile(host.system, settings, facts);
  expect(next.steps).toBe(0);
  expect(next.rebootNeeded).toEqual(["only 0 of 512 huge pages of 2Mi could be had"]);
});

test("essential pages that could not be had are a failure, each time", async () => {
  await using host = await testSystem();
  await outOfMemory(host);
  const settings = withPages({ static: { essential: true, "2Mi": { count: 512 } } });
  for (let pass = 1; pass <= 2; pass++) {
    const { setbacks } = await hugePages.reconcile(host.system, settings, facts);
    expect(String(setbacks[0]?.error)).toContain("cannot set aside huge pages of 2Mi: 0 of 512 could be had");
  }
});

test("a size that the processor does not have is a warning that names it, and a failure when it is essential", async () => {
  await using host = await testSystem();
  const missing = "cannot set huge pages of 16Gi: this kernel or processor has no";
  const settings = (essential: boolean) => withPages({ static: { essential, "16Gi": { count: 1 } } });
  const done = await hugePages.reconcile(host.system, settings(false), facts);
  expect(done).toMatchObject({ steps: 0, setbacks: [], warnings: [expect.stringContaining(missing)] });
  const { setbacks, warnings } = await hugePages.reconcile(host.system, settings(true), facts);
  expect(String(setbacks[0]?.error)).toContain(missing);
  expect(warnings).toEqual([]);
});
