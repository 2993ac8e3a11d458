/**
 * Protects: a machine with a second disk keeps its data there, whatever the order in which the disks turn up.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestHost } from "./test-host.ts";

const gibibyte = 1024 ** 3;
let host: TestHost;
beforeAll(async () => {
  host = await TestHost.boot("disks", { dataDiskBytes: 5 * gibibyte });
});
afterAll(async () => host?.[Symbol.asyncDispose]());

test("the empty disk becomes the data partition, whole", async () => {
  const source = await host.shell.run("findmnt -no SOURCE /local");
  expect(await host.shell.run(`readlink -f ${source}`)).toStartWith("/dev/vdb");
  expect(Number(await host.shell.run("findmnt -bno SIZE /local"))).toBeGreaterThan(4 * gibibyte);
  expect(await host.shell.run("lsblk -rno PARTLABEL /dev/vda")).not.toContain("ORLOP-DATA");
});

test("it is the same one after a reboot, with what was written", async () => {
  await host.shell.run("echo kept > /var/kept && sync");
  await host.reboot();
  expect(await host.shell.run("cat /var/kept")).toBe("kept");
  expect(await host.shell.run("readlink -f $(findmnt -no SOURCE /local)")).toStartWith("/dev/vdb");
});
