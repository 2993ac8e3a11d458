/**
 * Protects: with Secure Boot on and our keys enrolled, nothing starts that they have not signed, and a host whose update
 * the firmware refuses comes back by itself and says so.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { kernelPath, SpoiledSet } from "./spoiled-set.ts";

let spoiled: SpoiledSet;
beforeAll(async () => {
  spoiled = await SpoiledSet.boot("secure-boot");
});
afterAll(async () => spoiled?.[Symbol.asyncDispose]());

test("the host boots with Secure Boot on, by keys that it enrolled itself", async () => {
  const { shell } = spoiled.updating.host;
  const enforcing = "od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  expect((await shell.run(enforcing)).trim()).toBe("1");
  expect(await shell.run("journalctl -kb | grep -i 'secure boot'")).toContain("enabled");
});

test("a kernel file that is cut short", async () => {
  await spoiled.updating.host.shell.run(`head -c 5M /efi/EFI/orlop/a.efi > ${kernelPath} && sync -f ${kernelPath}`);
  expect(await spoiled.reasonOfReturn("truncated kernel")).toContain("the firmware refused to start its kernel");
});

test("a kernel that nobody signed", async () => {
  await spoiled.spoil("unsigned.efi", {}, "not");
  expect(await spoiled.reasonOfReturn("unsigned kernel")).toContain("the firmware refused to start its kernel");
});

test("a kernel signed by a key that is not enrolled", async () => {
  await spoiled.spoil("stranger.efi", {}, "nobody");
  expect(await spoiled.reasonOfReturn("kernel of a stranger")).toContain("the firmware refused to start its kernel");
});

test("a root that is not there", async () => {
  await spoiled.spoil("no-root.efi", {});
  expect(await spoiled.reasonOfReturn("missing root")).toMatch(/its kernel panicked: .*no disk has the root/);
});
